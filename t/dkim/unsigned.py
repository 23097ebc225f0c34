#!/usr/bin/python3
"""Mail of the same kinds as generate.py's, that nobody signed.

    t/dkim/unsigned.py COUNT SEED FOLDER

Writes FOLDER/N.eml, and keys with FOLDER/zone.json as generate.py does.
"""
import json
import random
import subprocess
import sys

import generate


def main(count, seed, folder):
    """Also the Ed25519 key in a file."""
    rng = random.Random(seed)
    _, zone = generate.keys(folder)
    path = f'{folder}/ed.pem'
    subprocess.run(['openssl', 'genpkey', '-algorithm', 'ed25519', '-out',
                    path], check=True)
    public = subprocess.run(['openssl', 'pkey', '-in', path, '-pubout',
                             '-outform', 'DER'], check=True,
                            stdout=subprocess.PIPE).stdout[-32:]
    zone[f'ed._domainkey.{generate.DOMAIN}'] = 'v=DKIM1; k=ed25519; p=' + \
        generate.base64.b64encode(public).decode()
    with open(f'{folder}/zone.json', 'w', encoding='utf-8') as file:
        json.dump(zone, file)
    for n in range(count):
        with open(f'{folder}/{n}.eml', 'wb') as file:
            file.write(generate.message(rng))


if __name__ == '__main__':
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
