#!/usr/bin/perl
# Signs messages with Mail::DKIM.
#
#	t/dkim/sign.pl DOMAIN <orders
#
# An order is a line: the file, "simple/relaxed" or the like, the selector and
# the file of its key, with tabs between.  The signature is put on top.
use strict;
use warnings;
use Mail::DKIM::PrivateKey;
use Mail::DKIM::Signer;

my $domain = shift;
while (my $order = <STDIN>) {
	chomp $order;
	my ($path, $canon, $selector, $key) = split /\t/, $order;
	my $signer = Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256',
		Method => $canon, Domain => $domain, Selector => $selector,
		Key => Mail::DKIM::PrivateKey->load(File => $key));
	open my $file, '<:raw', $path or die "$path: $!";
	my $mail = do { local $/; <$file> };
	close $file;
	$signer->PRINT($mail);
	$signer->CLOSE;
	open $file, '>:raw', $path or die "$path: $!";
	print $file $signer->signature->as_string, "\r\n", $mail;
	close $file or die "$path: $!";
}
