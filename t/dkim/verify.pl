#!/usr/bin/perl
# Verifies DKIM signatures with Mail::DKIM, as verify.py does with dkimpy.
#
#	t/dkim/verify.pl ZONE FILE...
use strict;
use warnings;
use JSON::PP;
eval 'use Mail::DKIM::Verifier; use Net::DNS; 1'
	or die "verify.pl: no module Mail::DKIM (Debian: libmail-dkim-perl)\n";

sub content {
	open my $file, '<:raw', $_[0] or die "$_[0]: $!";
	local $/;
	return <$file>;
}

my $zone = decode_json(content(shift));
{
	no warnings qw(redefine once);
	*Mail::DKIM::DNS::query = sub {
		my $record = $zone->{$_[0]};
		return unless defined $record;
		my @pieces = map { "\"$_\"" } $record =~ /(.{1,200})/g;
		return Net::DNS::RR->new("$_[0]. TXT @pieces");
	};
}
for my $path (@ARGV) {
	my $verifier = Mail::DKIM::Verifier->new;
	$verifier->PRINT(content($path));
	$verifier->CLOSE;
	my @said = map { $_->result eq 'pass' ? 'pass' : $_->result_detail }
		$verifier->signatures;
	print "$path: ", join('; ', @said) || 'unsigned', "\n";
}
