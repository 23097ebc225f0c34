#!/usr/bin/perl
# Seals with ARC, and verifies, with Mail::DKIM: as arc.py, but for "ended",
# which is "fail" here.
use strict;
use warnings;
use JSON::PP;
use Mail::DKIM::ARC::Signer;
use Mail::DKIM::ARC::Verifier;
use Mail::DKIM::DNS;
use Net::DNS;

sub contents {
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

sub seal {
	my ($domain, $selector, $key, @paths) = @_;
	for my $path (@paths) {
		my $mail = contents($path);
		# with a set below there must be a result, which says pass
		my $chain = $mail =~ /^ARC-Seal:/m ? 'pass' : 'none';
		my $signer = Mail::DKIM::ARC::Signer->new(
			Algorithm => 'rsa-sha256', Chain => $chain,
			Domain => $domain, SrvId => $domain,
			Selector => $selector, KeyFile => $key);
		$signer->PRINT($mail);
		$signer->CLOSE;
		die "$path: $signer->{details}" if $signer->result ne 'sealed';
		open my $file, '>:raw', $path or die "$path: $!";
		print $file join("\r\n", $signer->as_strings), "\r\n", $mail;
		close $file or die "$path: $!";
	}
}

my %keys;

# What Mail::DKIM asks for a key.
sub query_async {
	my ($name, $type, %more) = @_;
	my $key = $keys{$name};
	my @answer = $key ? Net::DNS::RR->new(name => $name, type => 'TXT',
		txtdata => [unpack '(a200)*', $key]) : ();
	return sub { $more{Callbacks}{Success}->(@answer) };
}

sub verify {
	my ($zone, @paths) = @_;
	%keys = %{decode_json(contents($zone))};
	no warnings 'redefine';
	local *Mail::DKIM::DNS::query_async = \&query_async;
	for my $path (@paths) {
		my $verifier = Mail::DKIM::ARC::Verifier->new;
		$verifier->PRINT(contents($path));
		$verifier->CLOSE;
		print "$path: ", $verifier->result, "\n";
	}
}

my $verb = shift;
$verb eq 'seal' ? seal(@ARGV) : verify(@ARGV);
