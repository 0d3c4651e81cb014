#!/usr/bin/python3
"""Writes the golden trees: a second implementation of spec/btree.md, in page files of make_pages.py.

It was written from that page alone and shares nothing with the C++ code. TREES.md, which this
program writes as well, explains what the files expect and lists them.

Usage: make_trees.py            writes trees/*.hex and TREES.md
       make_trees.py --check    fails if what lies here differs from what would be written
       make_trees.py --raw DIR  writes the page files themselves into DIR
"""

import sys

import make_pages as pages
from make_pages import checksum_of, golden, u16, u32, u64

LEAF, BRANCH, VALUE, INDEX = 2, 3, 4, 5
CATALOG_LEAF = 72   # The level of a catalog's leaves.
LONG = 0xFFFF       # The value size of an entry whose value is long,
OWN_SIZES = 0xFFFF  # and the key size of a node whose entries say their sizes.

# --- spec/btree.md ----------------------------------------------------------------------------


class Long:
    """What a leaf holds of a value that has pages of its own."""

    def __init__(self, size, root, data=b""):
        self.size, self.root, self.data = size, root, data

    def held(self):
        return u64(self.size) + u64(self.root[0]) + u32(self.root[1])


def reference(page):
    return u64(page[0]) + u32(page[1])


def naming(root, count, more=b""):
    """What a catalog holds of a tree; None for the empty one. Behind it, what its owner likes."""
    return reference(root or (0, 0)) + u64(count) + more


class Node:
    """A leaf or a branch, part by part, so that each part can be made wrong. Entries are pairs of a
    whole key and a value: bytes, or a Long. A branch's first key is empty."""

    def __init__(self, page_type, entries, page_size=4096, prefix=None, once=None, order=None):
        self.page_type, self.entries, self.page_size = page_type, entries, page_size
        self.once = once
        self.order = order or range(len(entries))
        # What this code would make of the same entries.
        self.rebuilds = prefix is None and once is None and order is None
        self.prefix = self.best_prefix() if prefix is None else prefix
        if once is None:
            self.once = self.can_say_once(len(self.prefix))
        self.fields = {"count": len(entries), "prefix": len(self.prefix), "heap": None,
                       "long": sum(isinstance(v, Long) for _, v in entries), "sizes": None}
        self.heads = [self.head(i) for i in range(len(entries))]
        self.offsets = None
        self.chunks = [self.chunk(i) for i in range(len(entries))]
        self.behind_offsets = b""

    def held(self, index):
        value = self.entries[index][1]
        return value.held() if isinstance(value, Long) else value

    def suffix(self, index):
        if self.page_type == BRANCH and index == 0:
            return b""
        return self.entries[index][0][len(self.prefix):]

    def sizes(self, index):
        long = isinstance(self.entries[index][1], Long)
        return len(self.suffix(index)), LONG if long else len(self.held(index))

    def head(self, index):
        return int.from_bytes(self.suffix(index)[:4].ljust(4, b"\0"), "big")

    def chunk(self, index):
        """The entry as it lies in the heap."""
        key_size, value_size = self.sizes(index)
        header = b"" if self.once else u16(key_size) + u16(value_size)
        return header + self.suffix(index)[4:] + self.held(index)

    def keys(self):
        return [key for key, _ in self.entries[1 if self.page_type == BRANCH else 0:]]

    def can_say_once(self, prefix):
        same = {(len(k), type(v), len(v.held() if isinstance(v, Long) else v))
                for k, v in self.entries}
        if self.page_type == BRANCH or len(same) > 1:
            return False
        (key_size, _, held), = same
        return max(0, key_size - prefix - 4) + held > 0

    def weight(self, index, prefix):
        key_size = prefix if self.page_type == BRANCH and index == 0 else len(self.entries[index][0])
        return 10 + max(0, key_size - prefix - 4) + len(self.held(index))

    def used(self, prefix):
        saved = 4 * len(self.entries) if self.can_say_once(prefix) else 0
        return prefix + sum(self.weight(i, prefix) for i in range(len(self.entries))) - saved

    def best_prefix(self):
        """The one that makes the node smallest, the shortest of these."""
        keys = self.keys()
        low, high = keys[0], keys[-1]
        common = 0
        while common < min(len(low), len(high)) and low[common] == high[common]:
            common += 1
        return low[:min(range(common + 1), key=self.used)]

    def fill(self):
        return sum(self.weight(i, 0) for i in range(len(self.entries)))

    def level(self, level=None):
        if level is not None:
            return level
        return 8 if self.fields["long"] else 0

    def body(self):
        heap = b"".join(self.chunks[i] for i in self.order)
        offsets, at = {}, self.page_size - len(heap)
        for i in self.order:
            offsets[i] = at
            at += len(self.chunks[i])
        offsets = self.offsets or [offsets[i] for i in sorted(offsets)]
        sizes = self.fields["sizes"] or (self.sizes(0) if self.once else (OWN_SIZES, 0))
        heap_size = len(heap) if self.fields["heap"] is None else self.fields["heap"]
        front = (u16(self.fields["count"]) + u16(self.fields["prefix"]) + u16(heap_size) +
                 u16(self.fields["long"]) + u16(sizes[0]) + u16(sizes[1]) + self.prefix +
                 b"".join(map(u32, self.heads)) + b"".join(map(u16, offsets)) +
                 self.behind_offsets)
        gap = self.page_size - 72 - len(front) - len(heap)
        assert gap >= 0, gap
        return front + bytes(gap) + heap


def pattern(size):
    return (bytes(range(251)) * (size // 251 + 1))[:size]


class Tree:
    """A page file with one tree, page after page; or with a catalog and the trees that it names."""

    def __init__(self, page_size=4096, height_limit=16, txn=1, catalog=False):
        self.limits = dict(key_limit=page_size // 8, height_limit=height_limit)
        self.file = pages.empty(page_size, a=self.limits, b=self.limits)
        self.page_size, self.txn = page_size, txn
        self.next = pages.first_page(page_size)
        self.listed, self.rebuilt = [], []
        self.catalog, self.listed_in = catalog, []
        self.checksums = {}

    def page(self, page_type, level, body, txn=None):
        self.next += 1
        made = self.file.page(page_type, level, self.next - 1, txn or self.txn, body)
        self.checksums[made[0]] = made[1]
        return made

    def node(self, node, level=None, txn=None):
        if node.rebuilds:
            self.rebuilt.append(self.next)
        return self.page(node.page_type, node.level(level), node.body(), txn)

    def leaf(self, entries, level=None, txn=None, **how):
        self.listed += entries
        return self.node(Node(LEAF, entries, self.page_size, **how), level, txn)

    def branch(self, level, first, *others, txn=None, **how):
        """The first child, then pairs of a separator and the child behind it."""
        entries = [(b"", reference(first))] + [(key, reference(child)) for key, child in others]
        return self.node(Node(BRANCH, entries, self.page_size, **how), level, txn)

    def long(self, data, txn=None):
        """Writes a long value's pages, then its indexes from the lowest level up."""
        per_page, per_index = self.page_size - 72, (self.page_size - 72) // 12
        level = [self.page(VALUE, 0, data[at:at + per_page], txn)
                 for at in range(0, len(data), per_page)]
        height = 0
        while len(level) > 1:
            height += 1
            level = [self.page(INDEX, height, b"".join(map(reference, level[at:at + per_index])),
                               txn)
                     for at in range(0, len(level), per_index)]
        return Long(len(data), level[0], data)

    def inside(self, name, make, more=b""):
        """An entry of a catalog: a name, and the tree that `make` makes."""
        outside, self.listed = self.listed, []
        value = naming(make(self), len(self.listed), more)
        self.listed_in += [(name, *entry) for entry in self.listed]
        self.listed = outside
        return name, value

    def names(self, *entries, **how):
        return self.leaf(list(entries), level=CATALOG_LEAF, **how)

    def named(self, root):
        """The page file whose newest checkpoint has this root; None for the empty tree."""
        root = root or (0, 0)
        self.file.meta(pages.Meta("A", page_size=self.page_size, sequence=3, txn=max(self.txn, 1),
                                  root=root[0], root_checksum=root[1], page_count=self.next,
                                  **self.limits))
        return self.file


# --- What a file says -------------------------------------------------------------------------


def written(data):
    """Bytes in hexadecimal, runs of one byte in short."""
    if not data:
        return "-"
    if len(data) > 300 and data == pattern(len(data)):
        return f"pattern*{len(data)}"
    parts, at = [], 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] == data[at]:
            end += 1
        if end - at > 4:
            parts.append(f"{data[at]:02x}*{end - at}")
        elif parts and "*" not in parts[-1]:
            parts[-1] += data[at:end].hex()
        else:
            parts.append(data[at:end].hex())
        at = end
    return ",".join(parts)


def tree(name, meaning, made, root, height, rebuilds=True):
    """A tree that has to be read, and what it holds."""
    def both(key, value):
        return f"{written(key)} {written(value.data if isinstance(value, Long) else value)}"

    entries = [f"entry {both(*entry)}" for entry in made.listed]
    entries += [f"in {written(name)} {both(*entry)}" for name, *entry in made.listed_in]
    rebuilt = [f"rebuilds {' '.join(map(str, made.rebuilt))}"] if made.rebuilt else []
    assert bool(rebuilt) == rebuilds, name
    golden(name, meaning, made.named(root), *kind_of(made), f"height {height}",
           f"count {len(made.listed)}", *rebuilt, *entries)


def kind_of(made):
    return ["catalog"] if made.catalog else []


def reject(name, meaning, made, root, page, read=True, count=None):
    """A tree in which the validator finds just one thing, which reading meets or does not; or it
    meets something else, which is then `read`."""
    rule = "-".join(name.split("-")[:2]).upper()
    count = len(made.listed) if count is None else count
    golden("reject-" + name, meaning, made.named(root), *kind_of(made), f"count {count}",
           f"finds {rule} page {page}",
           *([f"read {rule} page {page}" if read is True else f"read {read}"] if read else []))


# --- The trees --------------------------------------------------------------------------------


def numbered(count, key="key{:04}", value="value {}"):
    return [(key.format(i).encode(), value.format(i).encode()) for i in range(count)]


def large(letter, count, size=780):
    """Entries that weigh a fifth of a node's room, or nearly, and are mostly zeros."""
    return [(f"{letter}{i}".encode(), f"{letter}{i}".encode() + bytes(size)) for i in range(count)]


def make_leaves():
    def leaf(name, meaning, entries, page_size=4096, rebuilds=True, **how):
        made = Tree(page_size)
        tree(name, meaning, made, made.leaf(entries, **how), 1, rebuilds)

    tree("empty", "The empty tree has no page.", Tree(), None, 0, rebuilds=False)
    leaf("leaf-one", "One entry.", [(b"key", b"value")])
    leaf("leaf-nothing", "The empty key with the empty value: its sizes can't be said once.",
         [(b"", b"")])
    same = numbered(30, "row{:05}", "{:08}")
    leaf("leaf-sizes-once", "Keys of one size, values of one size: the node says both.", same)
    leaf("leaf-sizes-each", "The same, but each entry says its sizes.", same, once=False,
         rebuilds=False)
    leaf("leaf-sizes-differ", "Values of two sizes: each entry says its own.",
         same[:29] + [(b"row00029", b"longer value")])
    leaf("leaf-keys-once", "No values: the prefix leaves a byte of each key, so that no two entries "
         "have one offset.", [(f"member{i:04}".encode(), b"") for i in range(20)])
    leaf("leaf-keys-short", "Keys of four bytes without values, each of which says its sizes.",
         [(f"{i:04}".encode(), b"") for i in range(20)])
    keys = [b"", b"\0", b"\0\0", b"\0\0\0", b"\0\0\0\0", b"\0\0\0\0\0", b"\0\0\0\0\1", b"\0\0\0\1",
            b"\0\1", b"\1", b"a", b"a\0", b"a\0\0\0", b"a\0\0\0\0", b"ab", b"abc", b"abcd",
            b"abcd\0", b"abcd\0\0", b"abcda", b"abcdb", b"abcd\xff", b"abce", b"\x7f\xff\xff\xff",
            b"\x80", b"\xff", b"\xff\0", b"\xff\xff\xff", b"\xff\xff\xff\xff",
            b"\xff\xff\xff\xff\0", b"\xff\xff\xff\xff\xff"]
    entries = [(key, bytes([i])) for i, key in enumerate(keys)]
    assert keys == sorted(keys)
    leaf("leaf-heads", "Heads of every kind: keys shorter than four bytes, equal heads, zeros, "
         "0xFF.", entries)
    leaf("leaf-heads-behind-a-prefix", "The same keys behind a prefix that is one of them.",
         [(b"pre" + key, value) for key, value in entries])
    users = [(b"user/" + f"{i * 37 % 1000:03}".encode() + b"/name", b"n" * (i % 5))
             for i in range(25)]
    users.sort()
    leaf("leaf-prefix", "Keys with a prefix.", users)
    leaf("leaf-prefix-shorter", "The same with a shorter prefix than there could be.", users,
         prefix=b"use", rebuilds=False)
    leaf("leaf-prefix-none", "The same without one.", users, prefix=b"", rebuilds=False)
    leaf("leaf-heap-order", "The heap in the reverse order of the keys.", users,
         order=list(reversed(range(25))), rebuilds=False)
    full = [(bytes([i]), bytes([i + 1]) * (790 + i)) for i in range(5)]
    assert Node(LEAF, full).fill() == 4096 - 84 - 2
    leaf("leaf-full", "No byte is left.", full[:4] + [(b"\4", b"\5" * 796)])
    leaf("leaf-largest-key", "A key as long as can be, and an entry as large as can be: a third of "
         "the room.", [(b"k" * 512, b"v" * (1337 - 10 - 508))])
    for kib in (8, 16, 32, 64):
        leaf(f"leaf-{kib}k", f"A leaf on a page of {kib} KiB.", numbered(12), kib * 1024)
    made = Tree(txn=9)
    one = made.leaf(large("a", 3), txn=3)
    two = made.leaf(large("b", 3), txn=7)
    tree("older-leaves", "A root of transaction 9, whose leaves are of 3 and 7.", made,
         made.branch(9, one, (b"b", two)), 2)


def make_tall():
    made = Tree()
    leaves = [made.leaf(large(c, 3)) for c in "abc"]
    tree("two-levels", "Three leaves under a branch.", made,
         made.branch(9, leaves[0], (b"b", leaves[1]), (b"c", leaves[2])), 2)

    made = Tree()
    leaves = [made.leaf(large(f"common prefix {c}", 3)) for c in "abc"]
    separators = [b"common prefix " + c for c in (b"b", b"c")]
    tree("branch-prefix", "Separators with a prefix that entry 0, which has no key, need not share.",
         made, made.branch(9, leaves[0], *zip(separators, leaves[1:])), 2)

    made = Tree()
    leaves = [made.leaf(large(c, 3)) for c in "abc"]
    tree("branch-separators", "Separators that are no keys: shorter than one, and between two.",
         made, made.branch(9, leaves[0], (b"a\xff", leaves[1]), (b"bz", leaves[2])), 2)

    made = Tree()
    left = made.leaf(large("a", 3))
    tree("right-edge", "A leaf at the right edge with one small entry.", made,
         made.branch(9, left, (b"b", made.leaf([(b"b", b"")]))), 2)

    # A third of 4,012 is 1,337.3.
    made = Tree()
    thin = [(b"a", bytes(664)), (b"aa", bytes(653))]
    assert Node(LEAF, thin).fill() == 1337
    left = made.leaf(thin)
    tree("fill-least", "A leaf filled to a third, and a byte less would be too little.", made,
         made.branch(9, left, (b"b", made.leaf(large("b", 1)))), 2)

    made = Tree()
    tree("three-levels", "Two branches under a branch; long separators.", made, three_levels(made),
         3)

    made = Tree(65536)
    leaves = [made.leaf([(f"{c}{i}".encode(), f"{c}{i}".encode() + bytes(12500))
                         for i in range(3)]) for c in "ab"]
    tree("two-levels-64k", "Two leaves under a branch, on pages of 64 KiB.", made,
         made.branch(9, leaves[0], (b"b", leaves[1])), 2)


def three_levels(made, thin=False, last_of_c=()):
    """Leaves a, b, bz, c, d and e; the root's separator is d. The left branch's separators are so
    long that it is full enough with four leaves, unless it shall be thin."""
    leaves = [made.leaf(large(c, 3)) for c in "ab"]
    leaves.append(made.leaf(large("c", 3) + list(last_of_c)))
    leaves += [made.leaf(large(c, 3)) for c in ("d", "e", "bz")]
    behind = bytes(0 if thin else 500)
    left = made.branch(9, leaves[0], (b"a\xff" + behind, leaves[1]), (b"bx" + behind, leaves[5]),
                       (b"b\xff" + behind, leaves[2]))
    right = made.branch(9, leaves[3], (b"e", leaves[4]))
    return made.branch(10, left, (b"d", right))


def make_values():
    for size, name, meaning in (
            (1, "one-byte", "A long value of one byte. No writer makes it; a reader reads it."),
            (2000, "one-page", "A long value of one page."),
            (4024, "full-page", "A long value that fills its page."),
            (4025, "two-pages", "A long value of a page and a byte: two pages under an index.")):
        made = Tree()
        value = made.long(pattern(size))
        tree("value-" + name, meaning, made, made.leaf([(b"long", value)]), 1)

    made = Tree()
    entries = [(b"a", b"short"), (b"b", made.long(pattern(5000))), (b"c", b""),
               (b"d", made.long(pattern(1500))), (b"e", b"20 bytes in the leaf")]
    tree("values-mixed", "Long values and others, one of these with 20 bytes.", made,
         made.leaf(entries), 1)

    made = Tree()
    entries = [(f"blob{i}".encode(), made.long(pattern(1400 + i))) for i in range(4)]
    tree("values-once", "All values are long: the node says that once.", made, made.leaf(entries),
         1)

    made = Tree()
    left = made.leaf(large("a", 3))
    middle = made.leaf(large("b", 2) + [(b"bl", made.long(pattern(1300)))])
    right = made.leaf(large("c", 1))
    tree("values-below-a-branch", "A leaf of level 8 between two of level 0.", made,
         made.branch(9, left, (b"b", middle), (b"c", right)), 2)

    made = Tree()
    full = (4096 - 72) // 12
    data = b"\1" + bytes(full * 4024 - 2) + b"\2\3"
    value = made.long(data)
    tree("value-two-levels-of-index", "A long value with one byte more than an index can name: two "
         "indexes under another one.", made, made.leaf([(b"long", value)]), 1)

    made = Tree(65536)
    value = made.long(b"first" + bytes(65536) + b"last")
    tree("value-64k", "A long value of two pages of 64 KiB.", made, made.leaf([(b"long", value)]),
         1)


def two_levels(made):
    left = made.leaf(large("a", 3))
    return made.branch(9, left, (b"b", made.leaf([(b"b", b"")])))


def small(made):
    return made.leaf([(b"k", b"v")])


def large_names(made, letter, count, size=760):
    """Entries of a catalog that weigh a fifth of a node's room, or nearly: one names a tree."""
    first = made.inside(f"{letter}0".encode(), small, bytes(size))
    return [first] + [(f"{letter}{i}".encode(), naming(None, 0, bytes(size)))
                      for i in range(1, count)]


def make_catalogs():
    made = Tree(catalog=True)
    tree("catalog-one", "A catalog with one name, that of the empty tree.", made,
         made.names((b"name", naming(None, 0))), 1)

    made = Tree(catalog=True, txn=9)
    entries = [
        made.inside(b"accounts", two_levels, b"its owner's"),
        made.inside(b"documents", lambda m: m.leaf([(b"long", m.long(pattern(5000)))]), b"\1" * 20),
        (b"empty", naming(None, 0, b"more")),
        made.inside(b"small", small)]
    tree("catalog", "A catalog that names a tree of two levels, one with a long value, the empty "
         "one, and a small one; behind three of the references there is more.", made,
         made.names(*entries), 1)

    made = Tree(catalog=True)
    tree("catalog-sizes-once", "Names of one size: the catalog's leaf says their sizes.", made,
         made.names(*[made.inside(f"tree{i}".encode(), small) for i in range(5)]), 1)

    made = Tree(catalog=True)
    leaves = [made.names(*large_names(made, c, 3)) for c in "abc"]
    tree("catalog-two-levels", "Three leaves of a catalog under a branch.", made,
         made.branch(73, leaves[0], (b"b", leaves[1]), (b"c", leaves[2])), 2)

    made = Tree(catalog=True)
    tree("catalog-three-levels", "Two branches of a catalog under a branch.", made,
         catalog_of_three_levels(made), 3)


def catalog_of_three_levels(made):
    leaves = [made.names(*large_names(made, c, 3)) for c in "abcdef"]
    separators = [key + bytes(500) for key in (b"a\xff", b"b\xff", b"c\xff")]
    left = made.branch(73, leaves[0], *zip(separators, leaves[1:4]))
    right = made.branch(73, leaves[4], (b"f", leaves[5]))
    return made.branch(74, left, (b"e", right))


# --- Trees that break a rule ------------------------------------------------------------------


def broken_node(name, meaning, node, change=None, level=None):
    """A root that breaks a rule of nodes."""
    if change:
        change(node)
    made = Tree(catalog=(level or 0) >= CATALOG_LEAF + (node.page_type == BRANCH))
    root = made.page(node.page_type, node.level(level), node.body())
    made.listed = node.entries
    reject(name, meaning, made, root, root[0])


def fruits():
    return Node(LEAF, [(b"apple", b"1"), (b"apricot", b"22"), (b"banana", b""), (b"cherry", b"4")])


def rows():
    return Node(LEAF, [(b"row1", b"a"), (b"row2", b"b"), (b"row3", b"c")], prefix=b"")


def three_children():
    return Node(BRANCH, [(b"", reference((40, 1))), (b"dog", reference((41, 1))),
                         (b"horse", reference((42, 1)))])


def fields(**values):
    return lambda node: node.fields.update(values)


def make_rejected_nodes():
    branch = three_children
    broken_node("node-1-leaf-without-entries", "A leaf of no entries.",
                Node(LEAF, [(b"k", b"v")]), lambda n: (
                    n.fields.update(count=0, heap=0), n.heads.clear(), n.chunks.clear(),
                    setattr(n, "order", ()), n.fields.update(sizes=(OWN_SIZES, 0))))
    broken_node("node-1-branch-with-one-child", "A branch of one child.",
                Node(BRANCH, [(b"", reference((40, 1)))], prefix=b""), level=9)
    broken_node("node-1-prefix-too-long", "A prefix that ends behind the page.", fruits(),
                fields(prefix=4096))
    broken_node("node-1-too-many-entries", "Heads and offsets that end behind the page.", fruits(),
                fields(count=700))
    broken_node("node-1-largest-count", "As many entries as can be said.", fruits(),
                fields(count=0xFFFF))
    broken_node("node-1-heap-too-large", "A heap that begins within the offsets.", fruits(),
                fields(heap=4096 - 84 - 4 * 6 + 1))
    broken_node("node-1-heap-larger-than-page", "A heap larger than the page.", fruits(),
                fields(heap=0xFFFF))
    broken_node("node-1-sizes-of-a-branch", "A branch that says the sizes of its entries.",
                branch(), fields(sizes=(0, 12)), level=9)
    broken_node("node-1-sizes-of-nothing", "A node that says sizes which leave its entries no byte.",
                Node(LEAF, [(b"k", b"")]), lambda n: (
                    n.fields.update(sizes=(1, 0), heap=0), n.chunks.clear(),
                    setattr(n, "order", ()), setattr(n, "offsets", [4096 - 1])))
    broken_node("node-1-value-size-alone", "A value size, though each entry says its own.",
                fruits(), fields(sizes=(OWN_SIZES, 1)))

    broken_node("node-2-between", "A byte behind the offsets is not zero.", fruits(),
                lambda n: setattr(n, "behind_offsets", b"\1"))
    broken_node("node-2-unused-entry", "An entry that no offset leads to.", fruits(),
                lambda n: (n.chunks.append(n.chunks[0]), setattr(n, "order", (0, 1, 2, 3, 4)),
                           setattr(n, "offsets", offsets_of(n)[:4])))
    broken_node("node-2-shared-entry", "Two offsets that lead to one entry.", fruits(),
                lambda n: setattr(n, "offsets", [offsets_of(n)[i] for i in (0, 1, 1, 3)]))
    broken_node("node-2-offset-within-entry", "An offset that leads into an entry.", fruits(),
                lambda n: setattr(n, "offsets", [offsets_of(n)[0] + 1] + offsets_of(n)[1:]))
    broken_node("node-2-offset-before-heap", "An offset that leads before the heap.", fruits(),
                lambda n: setattr(n, "offsets", [84] + offsets_of(n)[1:]))
    broken_node("node-2-offset-of-heap-end", "An offset that leads to the page's end.", fruits(),
                lambda n: setattr(n, "offsets", [4096] + offsets_of(n)[1:]))
    broken_node("node-2-key-cut-off", "The last entry's key ends behind the page.", fruits(),
                lambda n: n.chunks.__setitem__(3, u16(60) + u16(1) + n.chunks[3][4:]))
    broken_node("node-2-value-cut-off", "The last entry's value ends behind the page.", fruits(),
                lambda n: n.chunks.__setitem__(3, u16(6) + u16(2) + n.chunks[3][4:]))
    broken_node("node-2-sizes-cut-off", "Two bytes behind the last entry.", fruits(),
                lambda n: n.chunks.__setitem__(3, n.chunks[3] + b"\0\0"))
    broken_node("node-2-gap-where-sizes-are-said", "A heap of a byte more than the entries whose "
                "sizes the node says.", rows(), lambda n: n.chunks.__setitem__(2, n.chunks[2] + b"x"))
    broken_node("node-2-shared-where-sizes-are-said", "Two offsets that lead to one entry whose "
                "size the node says.", rows(),
                lambda n: setattr(n, "offsets", [offsets_of(n)[i] for i in (0, 0, 2)]))

    def leaf(*keys, **how):
        return Node(LEAF, [(key, b"v%d" % (i % 10) * (1 + i % 2)) for i, key in enumerate(keys)],
                    prefix=b"", **how)
    broken_node("node-3-heads-descend", "Keys whose heads descend.", leaf(b"b", b"a"))
    broken_node("node-3-equal-keys", "A key twice.", leaf(b"apple", b"apple"))
    broken_node("node-3-equal-short-keys", "A key of two bytes twice.", leaf(b"ap", b"ap"))
    broken_node("node-3-rests-descend", "Equal heads, and rests that descend.",
                leaf(b"applet", b"apple"))
    broken_node("node-3-sizes-descend", "A key behind the same with a zero more.",
                leaf(b"a\0", b"a"))
    broken_node("node-3-sizes-descend-in-rests", "The same behind the heads.",
                leaf(b"apple\0", b"apple"))
    broken_node("node-3-behind-a-short-key", "A byte in the head behind a key of one byte.",
                leaf(b"a", b"b"), lambda n: n.heads.__setitem__(0, 0x61000001))
    broken_node("node-3-behind-the-empty-key", "A byte in the head of the empty key.",
                leaf(b"", b"b"), lambda n: n.heads.__setitem__(0, 1))
    broken_node("node-3-separators-descend", "Separators that descend.",
                Node(BRANCH, [(b"", reference((40, 1))), (b"m", reference((41, 1))),
                              (b"d", reference((42, 1)))], prefix=b""), level=9)
    broken_node("node-3-first-separator", "Entry 0 of a branch has a head.", branch(),
                lambda n: n.heads.__setitem__(0, 1), level=9)
    broken_node("node-3-first-separator-size", "Entry 0 of a branch has a key.", branch(),
                lambda n: n.chunks.__setitem__(0, u16(1) + n.chunks[0][2:]), level=9)

    broken_node("node-4-level-3", "A leaf of level 3.", fruits(), level=3)
    broken_node("node-4-level-8", "A leaf of level 8 without long values.", fruits(), level=8)
    broken_node("node-4-branch-level-8", "A branch of level 8.", branch(), level=8)
    broken_node("node-4-branch-level-72", "A branch of level 72.", branch(), level=72)
    broken_node("node-4-count-of-long-values", "One long value is counted, and there is none.",
                fruits(), fields(long=1), level=0)
    broken_node("node-4-branch-counts-long-values", "A branch that counts a long value.", branch(),
                fields(long=1), level=9)

    def with_long(size=5000, page=40):
        return Node(LEAF, [(b"long", Long(size, (page, 1))), (b"short", b"v")])
    broken_node("node-4-level-0", "A leaf of level 0 with a long value.", with_long(), level=0)
    broken_node("node-4-long-value-uncounted", "A long value that is not counted.", with_long(),
                fields(long=0), level=8)
    broken_node("node-4-long-value-of-nothing", "A long value of no bytes.", with_long(size=0))
    broken_node("node-4-long-value-too-long", "A long value of more than 2^40 bytes.",
                with_long(size=(1 << 40) + 1))
    broken_node("node-4-long-value-without-page", "A long value on page 0.", with_long(page=0))
    broken_node("node-4-page-0", "A branch that refers to page 0.",
                Node(BRANCH, [(b"", reference((40, 1))), (b"m", reference((0, 1)))]), level=9)
    broken_node("node-4-short-reference", "A branch with a reference of 11 bytes.",
                Node(BRANCH, [(b"", reference((40, 1))), (b"m", reference((41, 1))[:11])]), level=9)
    broken_node("node-4-long-value-in-branch", "A branch with a long value.",
                Node(BRANCH, [(b"", reference((40, 1))), (b"m", Long(5000, (41, 1)))]),
                fields(long=0), level=9)

    broken_node("node-5-key", "A key longer than an eighth of the page.",
                Node(LEAF, [(b"k" * 513, b"")]))
    broken_node("node-5-key-and-prefix", "Prefix and key together longer than that.",
                Node(LEAF, [(b"k" * 488 + b"%025d" % i, b"") for i in range(2)]))
    broken_node("node-5-entry", "An entry that weighs more than a third of the room.",
                Node(LEAF, [(b"k", b"v" * (1337 - 10 + 1))]))
    broken_node("node-5-entry-without-sizes", "The same with sizes that the entry says.",
                Node(LEAF, [(b"k", b"v" * (1337 - 10 + 1))], once=False))
    broken_node("node-5-separator", "A separator longer than an eighth of the page.",
                Node(BRANCH, [(b"", reference((40, 1))), (b"k" * 513, reference((41, 1)))]),
                level=9)


def make_rejected_catalogs():
    def names(name, meaning, value, **how):
        broken_node(name, meaning, Node(LEAF, [(b"a", naming(None, 0)), (b"b", value)]),
                    level=CATALOG_LEAF, **how)
    names("node-4-catalog-counts-long-values", "A catalog's leaf that counts a long value.",
          naming(None, 0), change=fields(long=1))
    broken_node("node-4-leaf-level-71", "A leaf of level 71.", fruits(), level=71)
    broken_node("node-4-leaf-level-73", "A leaf of level 73.",
                Node(LEAF, [(b"a", naming(None, 0))]), level=73)
    broken_node("node-4-branch-level-136", "A branch of level 136.", three_children(), level=136)

    names("node-6-no-value", "A catalog with an empty value.", b"")
    names("node-6-short-value", "A catalog with a value of 19 bytes.", naming((40, 1), 7)[:19])
    names("node-6-long-value", "A catalog with a long value.", Long(5000, (40, 1)))
    names("node-6-long-value-uncounted", "The same, which the leaf does not count.",
          Long(5000, (40, 1)), change=fields(long=0))
    names("node-6-checksum-of-nothing", "A catalog that says a checksum of the empty tree.",
          naming((0, 1), 0))
    names("node-6-entries-of-nothing", "A catalog that says the empty tree had an entry.",
          naming(None, 1))
    broken_node("node-6-sizes-said", "The same in a leaf that says the sizes of its entries.",
                Node(LEAF, [(b"a", naming(None, 1 << 63)), (b"b", naming(None, 0))], once=True),
                level=CATALOG_LEAF)

    made = Tree(catalog=True)
    reject("tree-1-no-catalog", "A plain leaf where a catalog should be.", made,
           made.leaf([(b"a", naming(None, 0))]), 32)
    made = Tree(catalog=True)
    root = two_levels(made)
    reject("tree-1-no-catalog-branch", "A plain branch where a catalog should be.", made, root,
           root[0])
    made = Tree()
    reject("tree-1-catalog", "A catalog's leaf where a plain tree should be.", made,
           made.names((b"a", naming(None, 0))), 32)
    made = Tree()
    left, right = [made.names(*large_names(made, c, 3)) for c in "ab"]
    root = made.branch(73, left, (b"b", right))
    reject("tree-1-catalog-branch", "A catalog's branch where a plain tree should be.", made, root,
           root[0])
    made = Tree(catalog=True)
    left, right = made.names(*large_names(made, "a", 3)), made.leaf([(b"b", naming(None, 0))])
    reject("tree-1-plain-leaf", "A plain leaf in a catalog.", made,
           made.branch(73, left, (b"b", right)), right[0])
    made = Tree(catalog=True)
    left, *right = [made.names(*large_names(made, c, 3)) for c in "abc"]
    root = made.branch(74, left, (b"b", made.branch(73, right[0], (b"c", right[1]))))
    reject("tree-1-catalog-leaf-too-low", "A catalog's leaf below a branch of level 74.", made,
           root, left[0])
    made = Tree()
    left, right = made.leaf(large("a", 3)), made.names((b"b", naming(None, 0)))
    reject("tree-1-leaf-of-a-catalog", "A catalog's leaf below a plain branch.", made,
           made.branch(9, left, (b"b", right)), right[0])
    made = Tree(catalog=True)
    other = made.names((b"a", naming(None, 0)))
    made.listed = []
    reject("tree-1-catalog-in-a-catalog", "A catalog that names a catalog.", made,
           made.names((b"other", naming(other, 1))), other[0])
    made = Tree(catalog=True)
    other = made.page(VALUE, 0, b"value")
    reject("tree-1-value-in-a-catalog", "A catalog that names a page of a value.", made,
           made.names((b"other", naming(other, 1))), other[0])

    made = Tree(catalog=True)
    name, value = made.inside(b"a", small)
    reject("tree-4-named-twice", "A catalog with two names for one tree.", made,
           made.names((name, value), (b"b", value)), 32, read=False)
    made = Tree(catalog=True)
    name, value = made.inside(b"a", two_levels)
    reject("tree-4-named-and-below", "A catalog that names a leaf of a tree that it names, too.",
           made, made.names((name, value), (b"b", naming((33, made.checksums[33]), 1))), 33,
           read=False)
    made = Tree(catalog=True)
    name, value = made.inside(b"a", small)
    reject("tree-5-named", "A catalog that says a tree had one entry more.", made,
           made.names((name, value[:12] + u64(2))), 32, read=False)
    made = Tree(catalog=True)
    root = made.names(made.inside(b"a", two_levels))
    reject("tree-5-catalog", "A catalog that is said to have as many entries as the trees that it "
           "names, too.", made, root, root[0], read=False, count=5)


def offsets_of(node):
    out, at = [], node.page_size - sum(len(node.chunks[i]) for i in node.order)
    for i in node.order:
        out.append(at)
        at += len(node.chunks[i])
    return out


def make_rejected_trees():
    made = Tree()
    root = made.page(VALUE, 0, b"value")
    reject("tree-1-root-of-another-type", "A root that is a page of a value.", made, root, 32)
    made = Tree()
    left, *right = [made.leaf(large(c, 3)) for c in "abc"]
    reject("tree-1-leaf-too-low", "A leaf below a branch of level 10.", made,
           made.branch(10, left, (b"b", made.branch(9, right[0], (b"c", right[1])))), left[0])
    made = Tree()
    left, right = made.leaf(large("a", 3)), made.page(VALUE, 0, b"value")
    reject("tree-1-child-of-another-type", "A page of a value in the place of a leaf.", made,
           made.branch(9, left, (b"b", right)), right[0])
    made = Tree()
    left, *right = [made.leaf(large(c, 3)) for c in "abc"]
    below = made.branch(9, right[0], (b"c", right[1]))
    reject("tree-1-equal-levels", "A branch of level 9 below another one.", made,
           made.branch(9, left, (b"b", below)), below[0])
    made = Tree(height_limit=1)
    root = three_levels(made)
    reject("tree-1-too-high", "A tree of three levels in a store that has a limit of one.", made,
           root, root[0], read=False)

    def two_leaves(first, second, separator=b"b"):
        made = Tree()
        left, right = made.leaf(first), made.leaf(second)
        return made, made.branch(9, left, (separator, right))

    made, root = two_leaves(large("a", 3), [(b"ax", b"")] + large("b", 3))
    reject("tree-2-below", "A key below the separator that leads to it.", made, root, 33,
           read=False)
    made, root = two_leaves(large("a", 3) + [(b"b", b"")], large("b", 3))
    reject("tree-2-at-the-next", "A key equal to the separator behind it.", made, root, 32,
           read=False)
    made, root = two_leaves(large("a", 3) + [(b"c", b"")], large("b", 3))
    reject("tree-2-behind-the-next", "A key greater than the separator behind it.", made, root, 32,
           read=False)
    made = Tree()
    root = three_levels(made, last_of_c=[(b"dx", b"")])
    reject("tree-2-two-levels-up", "A key that the separator two levels up excludes.", made, root,
           34, read=False)

    made, root = two_leaves([(b"a", b"")], large("b", 3))
    reject("tree-3-leaf", "A leaf of one small entry that is not at the right edge.", made, root,
           32, read=False)
    thin = [(b"a", bytes(664)), (b"aa", bytes(652))]
    assert Node(LEAF, thin).fill() == 1336
    made, root = two_leaves(thin, large("b", 3))
    reject("tree-3-leaf-nearly", "A leaf filled to a byte less than a third.", made, root, 32,
           read=False)
    made = Tree()
    root = three_levels(made, thin=True)
    reject("tree-3-branch", "A branch of short separators that is not at the right edge.",
           made, root, made.next - 3, read=False)

    made = Tree()
    left = made.leaf(large("a", 3))
    reject("tree-4-leaf", "A leaf in two places.", made, made.branch(9, left, (b"b", left)),
           left[0], read=False)
    made = Tree()
    value = made.long(pattern(2000))
    reject("tree-4-value", "A page of two values.", made,
           made.leaf([(b"a", value), (b"b", value)]), value.root[0], read=False)
    made = Tree()
    one = made.page(VALUE, 0, pattern(4024))
    root = made.page(INDEX, 1, reference(one) * 2)
    reject("tree-4-page-of-a-value", "A page in two places of one value.", made,
           made.leaf([(b"a", Long(8048, root))]), one[0], read=False)

    made, root = two_leaves(large("a", 3), large("b", 3))
    reject("tree-5-more", "A tree that is said to have one entry more.", made, root, root[0],
           read=False, count=7)
    made, root = two_leaves(large("a", 3), large("b", 3))
    reject("tree-5-none", "A tree that is said to have no entries.", made, root, root[0],
           read=False, count=0)
    reject("tree-5-empty", "An empty tree that is said to have an entry.", Tree(), None, 0,
           read=False, count=1)


def make_rejected_values():
    def one(name, meaning, value, page, read, made):
        reject(name, meaning, made, made.leaf([(b"long", value)]), page, read)

    def indexed(size, index):
        """A value whose root is made of the references to its pages."""
        made = Tree()
        data = pattern(size)
        parts = [made.page(VALUE, 0, data[at:at + 4024]) for at in range(0, size, 4024)]
        root = made.page(INDEX, 1, index([reference(part) for part in parts]))
        return made, Long(size, root), root[0]

    made, value, root = indexed(5000, lambda refs: b"".join(refs) + refs[0])
    one("value-1-one-more", "An index with a reference more than the value has pages.", value, root,
        False, made)
    made, value, root = indexed(9000, lambda refs: b"".join(refs[:-1]))
    one("value-1-one-less", "An index with a reference less: one to page 0.", value, root,
        "PAGE-6 page 0", made)
    made, value, root = indexed(9000, lambda refs: b"".join(refs).ljust(4023, b"\0") + b"\1")
    one("value-1-last-byte", "The last byte behind an index's references is not zero.", value, root,
        False, made)

    made = Tree()
    page = made.page(VALUE, 0, pattern(2000))
    root = made.page(INDEX, 1, reference(page))
    one("value-2-index-of-one-page", "An index above the only page, which should be the root.",
        Long(2000, root), root[0], True, made)
    made = Tree()
    root = made.page(VALUE, 0, pattern(4024))
    one("value-2-page-for-an-index", "A page of the value where its index should be.",
        Long(5000, root), root[0], True, made)
    made = Tree()
    page = made.page(INDEX, 1, b"")
    root = made.page(INDEX, 2, reference(made.page(VALUE, 0, pattern(4024))) + reference(page))
    one("value-2-level-skipped", "An index of level 2 above pages.", Long(5000, root), root[0],
        True, made)
    made = Tree()
    parts = [made.page(VALUE, 0, pattern(4024)), made.page(LEAF, 0, Node(LEAF, [(b"k", b"v")]).body())]
    root = made.page(INDEX, 1, b"".join(map(reference, parts)))
    one("value-2-type", "A leaf in the place of a value's page.", Long(5000, root), parts[1][0],
        True, made)
    made = Tree()
    page = made.page(VALUE, 1, pattern(2000))
    one("value-2-level-of-a-page", "A value's page of level 1.", Long(2000, page), page[0], True,
        made)

    made = Tree()
    page = made.page(VALUE, 0, pattern(2000) + b"\1")
    one("value-3-behind-the-end", "A byte behind the value's end.", Long(2000, page), page[0],
        False, made)
    made = Tree()
    parts = [made.page(VALUE, 0, pattern(4024)),
             made.page(VALUE, 0, pattern(976).ljust(4023, b"\0") + b"\1")]
    root = made.page(INDEX, 1, b"".join(map(reference, parts)))
    one("value-3-last-byte", "The last byte of a value's last page.", Long(5000, root), parts[1][0],
        False, made)

    made = Tree(txn=2)
    parts = [made.page(VALUE, 0, pattern(4024)), made.page(VALUE, 0, pattern(976), txn=1)]
    root = made.page(INDEX, 1, b"".join(map(reference, parts)))
    one("value-4-page", "A page of a value that an earlier transaction made.", Long(5000, root),
        parts[1][0], False, made)
    made = Tree(txn=2)
    parts = [made.page(VALUE, 0, pattern(4024), txn=1), made.page(VALUE, 0, pattern(976), txn=1)]
    root = made.page(INDEX, 1, b"".join(map(reference, parts)))
    one("value-4-index", "An index later than the pages that it names.", Long(5000, root),
        parts[0][0], False, made)


# --- Texts ------------------------------------------------------------------------------------

README = """# Golden trees

Trees that every version of Caisson must read, or must refuse, in the same way, in page files as `README.md` describes
them. `make_trees.py` writes `trees/*.hex` and this page, from `spec/btree.md` alone; `make_trees.py --check` is a test
(`check_golden_trees`), and `btree/golden_test.cc` holds the code to every line below.

The tree's root is the newest checkpoint's. What has to happen:

| expectation | means |
| --- | --- |
| `catalog` | the tree is read as a catalog, and each tree that it names as a plain one; without this line, as a plain one |
| `count N` | the number of entries by the tree's name |
| `height N` | the levels of its nodes |
| `entry KEY VALUE` | an entry; they come in the order of their keys |
| `in NAME KEY VALUE` | an entry of the tree that the catalog has under this name |
| `rebuilds ID...` | these nodes, built anew from their entries, are the same bytes. (The spec leaves the choice of the prefix and the order of the heap to a writer: this is ours.) |
| `finds RULE page ID` | the validator finds this, and nothing else |
| `read RULE page ID` | reading all entries and values meets this damage; without this line, a reader need not notice |

Bytes are in hexadecimal: `-` for none, `00*9` for nine zeros, parts joined by commas. `pattern*N` is N bytes that count
from 0 to 250, again and again.

| file | what it is | what has to happen |
| --- | --- | --- |
"""


def main():
    make_leaves()
    make_tall()
    make_values()
    make_catalogs()
    make_rejected_nodes()
    make_rejected_catalogs()
    make_rejected_trees()
    make_rejected_values()
    return pages.run(__doc__, "trees", "TREES.md", README, ("finds", "read"))


if __name__ == "__main__":
    sys.exit(main())
