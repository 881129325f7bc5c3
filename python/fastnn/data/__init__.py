"""Getting data in: image files, IDX files, folders, and what a loader makes of them.

dataset.py   Dataset, TensorDataset, Subset, ...            sampler.py   orders, drawn by order.py
collate.py   samples to batches                             loader.py    DataLoader
vision.py    what data sets of images share                 resident.py  one uint8 block, its labels and names
folder.py    ImageFolder: a folder a class                  scan.py      the image files of class folders
mnist.py     MNIST                                          idx.py       IDX files (MNIST's format)
digits.py    the built-in digits                            photo.py     photos of digits, made like MNIST's
images.py    one image file, read strictly                  png.py       the short way for plain PNG files
decode.py    a folder into one uint8 block, in threads      pixels.py    transforms that can be split
packed.py    decoded images kept between runs               paths.py     where folders are, what to say of missing ones
source.py    what ``--data`` may name                       export.py    writing it as a PNG tree
augment.py   images changed while a network learns

The public names are in :mod:`fastnn.utils.data`, :mod:`fastnn.datasets` and :mod:`fastnn.transforms`.
"""
