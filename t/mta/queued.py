"""A message as it lies in an MTA's queue."""
from dataclasses import dataclass, field


@dataclass
class Queued:
    """Addresses without <>; header values as they are, folds included."""

    id: str
    held: bool = False          # in quarantine
    sender: str = ''
    recipients: list = field(default_factory=list)
    headers: list = field(default_factory=list)     # (name, value)
    body: bytes = b''
    reason: str = ''            # of the quarantine, where the MTA keeps it
    block: bytes = b''          # the header lines as the MTA keeps them

    def values(self, name):
        """The values of every header of that name, in order."""
        return [v for n, v in self.headers if n.lower() == name.lower()]

    def lines(self, name):
        """Every header of that name as it stands, its folds included."""
        found, taken = [], False
        for line in self.block.decode('utf-8', 'surrogateescape').split('\n'):
            if line[:1] in (' ', '\t'):
                if taken:
                    found[-1] += '\n' + line
                continue
            taken = line.partition(':')[0].lower() == name.lower()
            if taken:
                found.append(line)
        return found

    def names(self):
        """The names of all headers in order."""
        return [name for name, _ in self.headers]


def split_header(block):
    """Bytes of header lines as a list of (name, value): one leading space
    of the value is not part of it, continuation lines are kept."""
    headers = []
    for line in block.decode('utf-8', 'surrogateescape').split('\n'):
        if line[:1] in (' ', '\t') and headers:
            name, value = headers[-1]
            headers[-1] = (name, value + '\n' + line)
        elif ':' in line:
            name, _, value = line.partition(':')
            headers.append((name, value[1:] if value[:1] == ' ' else value))
    return headers
