#!/usr/bin/perl
# What Mail::DMARC says: cases as JSON on stdin, a line of each on stdout.
#
# A case: { from, dkim = [[domain, result], ...], spf = domain or null,
#   zone = { name = [text of TXT records] } }
use strict;
use warnings;
use JSON::PP;
use Mail::DMARC::PurePerl;

package Zone;
use Net::DNS;

sub new { my ($class, $zone) = @_; return bless { zone => $zone }, $class }

# Every name is there, with an A record; TXT is the zone's.
sub send {
    my ($self, $name, $type) = @_;
    my $packet = Net::DNS::Packet->new($name, $type);
    my $texts = $self->{zone}{ lc $name };
    if ($type eq 'TXT') {
        $packet->push(answer => Net::DNS::RR->new(
            name => $name, type => 'TXT', ttl => 60, txtdata => $_))
            for @{ $texts || [] };
        $packet->header->rcode('NXDOMAIN') unless $texts;
    } elsif ($type eq 'A') {
        $packet->push(answer => Net::DNS::RR->new("$name 60 A 192.0.2.1"));
    }
    return $packet;
}

sub query {
    my ($self, @what) = @_;
    my $packet = $self->send(@what);
    return $packet->header->ancount ? $packet : undef;
}
sub errorstring { return 'NXDOMAIN' }

package main;

$SIG{__WARN__} = sub { };
my $given = do { local $/; <STDIN> };
for my $case (@{ decode_json($given) }) {
    my $dmarc = Mail::DMARC::PurePerl->new;
    $dmarc->config->{report_store}{auto_save} = 0;
    $dmarc->set_resolver(Zone->new($case->{zone}));
    $dmarc->source_ip('192.0.2.7');
    $dmarc->header_from($case->{from});
    $dmarc->envelope_to('example.org');
    $dmarc->dkim([map { { domain => $_->[0], selector => 's',
        result => $_->[1] } } @{ $case->{dkim} }]);
    $dmarc->spf([{ scope => 'mfrom', domain => $case->{spf} || 'none.example',
        result => $case->{spf} ? 'pass' : 'fail' }]);
    my $result = eval { $dmarc->validate };
    print $result ? join(' ', $result->result, $result->disposition) : 'died',
        "\n";
}
