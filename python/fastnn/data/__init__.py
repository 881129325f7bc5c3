"""Getting data in: image files, IDX files, folders, and what a loader makes of them.

paths.py     where folders are, what to say on missing ones    scan.py      the image files of class folders
images.py    one image file, read strictly                     png.py       the short way for plain PNG files
idx.py       IDX files (MNIST's format)                        pixels.py    transforms that can be split
decode.py    a folder into one uint8 block, in threads         resident.py  that block, its labels and names
dataset.py   Dataset, TensorDataset, Subset, ...               sampler.py   orders, drawn by order.py
collate.py   samples to batches                                loader.py    DataLoader
source.py    what ``--data`` may name                          export.py    writing it as a PNG tree
memory.py    how much may be filled                            notes.py     remarks that are made once

The public names are in :mod:`fastnn.utils.data`, :mod:`fastnn.datasets` and :mod:`fastnn.transforms`.
"""
