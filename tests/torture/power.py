# SPDX-License-Identifier: Apache-2.0
"""What a disk may hold after the power went.

The shim's journal says what a program asked of its disk, in order. Of that only what was followed
by an fsync of the file (for its bytes and length) or of the directory (for its names) is certain.
All else may have reached the disk or not, in any order, and a write may have got only some of its
512-byte sectors there, or rubbish in their place. A Disk is played the journal up to a moment and
then asked for one of the possible remains.
"""

import struct

HEAD = struct.Struct("<IIIIQq")
CREATE, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, MKDIR, NOTE = range(1, 9)
SECTOR = 512


def read_journal(path):
    """Return the journal's records as tuples (kind, path, other, data, file, offset)."""
    data = path.read_bytes()
    records = []
    at = 0
    while at < len(data):
        kind, path_bytes, other_bytes, data_bytes, file, offset = HEAD.unpack_from(data, at)
        at += HEAD.size
        name = data[at : at + path_bytes].decode()
        at += path_bytes
        other = data[at : at + other_bytes].decode()
        at += other_bytes
        records.append((kind, name, other, data[at : at + data_bytes], file, offset))
        at += data_bytes
    return records


def put(content, offset, data):
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


def cut_to(content, length):
    if len(content) > length:
        del content[length:]
    else:
        content.extend(bytes(length - len(content)))


class File:
    def __init__(self, durable=b""):
        self.durable = bytearray(durable)
        self.pending = []  # (offset, data); (length, None) is a truncation

    def sync(self):
        for offset, data in self.pending:
            if data is None:
                cut_to(self.durable, offset)
            else:
                put(self.durable, offset, data)
        self.pending = []

    def remains(self, rng, kept, torn):
        """One of the contents that the disk may have: kept is the chance of each change."""
        content = bytearray(self.durable)
        for offset, data in self.pending:
            if data is None:
                if rng.random() < kept:
                    cut_to(content, offset)
            elif not torn:
                if rng.random() < kept:
                    put(content, offset, data)
            else:
                put_torn(content, offset, data, rng, kept)
        return bytes(content)


def put_torn(content, offset, data, rng, kept):
    at = 0
    while at < len(data):
        end = min(len(data), at + SECTOR - (offset + at) % SECTOR)
        fate = rng.random()
        if fate < kept:
            put(content, offset + at, data[at:end])
        elif fate > 0.97:
            put(content, offset + at, rng.randbytes(end - at))
        at = end


class Directory:
    def __init__(self):
        self.live = {}
        self.durable = {}
        self.pending = []  # functions on a dict of entries

    def change(self, apply):
        apply(self.live)
        self.pending.append(apply)

    def sync(self):
        self.durable = dict(self.live)
        self.pending = []

    def remains(self, rng, kept):
        entries = dict(self.durable)
        for apply in self.pending:
            if rng.random() < kept:
                apply(entries)
        return entries


def adding(name, item):
    return lambda entries: entries.__setitem__(name, item)


def dropping(name):
    return lambda entries: entries.pop(name, None)


def moving(name, other, item):
    def apply(entries):
        entries.pop(name, None)
        entries[other] = item

    return apply


class Disk:
    """forgotten(path) tells which fsyncs never happen: for proving that the cuts would show it."""

    def __init__(self, forgotten=lambda path: False):
        self.root = Directory()
        self.files = {}  # by inode
        self.notes = []
        self.forgotten = forgotten

    @classmethod
    def of(cls, place):
        """A disk whose present content is certain; place stays where it is."""
        disk = cls()
        disk.load(place, disk.root)
        return disk

    def load(self, place, directory):
        for path in place.iterdir():
            if path.is_dir():
                item = Directory()
                self.load(path, item)
            else:
                item = File(path.read_bytes())
                self.files[path.stat().st_ino] = item
            directory.change(adding(path.name, item))
        directory.sync()

    def find(self, path):
        """Return the directory of path, and the last name in it."""
        *parents, name = path.split("/")
        directory = self.root
        for parent in parents:
            directory = directory.live[parent]
        return directory, name

    def play(self, record):
        kind, path, other, data, file, offset = record
        if kind == NOTE:
            self.notes.append(path)
            return
        if (kind, path) == (SYNC, "."):
            self.root.sync()
            return
        directory, name = self.find(path)
        if kind == CREATE:
            self.files[file] = File()
            directory.change(adding(name, self.files[file]))
        elif kind == WRITE:
            self.files[file].pending.append((offset, data))
        elif kind == TRUNCATE:
            self.files[file].pending.append((offset, None))
        elif kind == SYNC:
            if not self.forgotten(path):
                item = directory.live.get(name)
                (item if isinstance(item, Directory) else self.files[file]).sync()
        elif kind == RENAME:
            _, new_name = self.find(other)
            directory.change(moving(name, new_name, directory.live[name]))
        elif kind == UNLINK:
            directory.change(dropping(name))
        elif kind == MKDIR:
            directory.change(adding(name, Directory()))

    def cut(self, place, rng):
        """Write one of the possible remains to place, which must not exist."""
        kept = rng.choice((0.0, 0.2, 0.5, 0.8, 1.0))
        torn = rng.random() < 0.6
        self.leave(self.root, place, rng, kept, torn)

    def leave(self, directory, place, rng, kept, torn):
        place.mkdir()
        for name, item in sorted(directory.remains(rng, kept).items()):
            if isinstance(item, Directory):
                self.leave(item, place / name, rng, kept, torn)
            elif name.endswith("-shm"):  # shared memory: what is in it is anybody's guess
                if rng.random() < 0.3:
                    (place / name).write_bytes(rng.randbytes(32768))
            else:
                (place / name).write_bytes(item.remains(rng, kept, torn))
