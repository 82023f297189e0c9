"""The data sets known by name, as data: adding one touches this file alone; knows no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DataSet:
    """A data set known by name, and the benchmark `split-NAME` that is made of it.

    Attributes:
        train: number of training images.
        test: number of test images.
        classes: number of classes.
        shape: of one image, (C, H, W).
        reader: import path of what reads it: a class of `torchvision.datasets` that takes
            `root, train, download`, or a function of `bench.data.readers` or of any other module.
        summary: what it is, in words.
        paper: where it comes from: a paper, an address, a script. It is told to whoever lacks a
            file that nothing fetches.
        experiences: of `split-NAME`; `classes` must be a multiple.
        files: what must lie under the data root, each with the md5 of the published file; none for
            a data set that comes with a library, which is not cached either.
        packed: whether these md5s are those of archives that the files are unpacked from; else a
            file with another md5 is refused when it is converted.
        fetched: whether the reader fetches the files when it is asked to.
        model: the default model of `split-NAME`.
        made: import path of the function that makes the data set of the images that were read;
            None for the images themselves.
    """

    train: int
    test: int
    classes: int
    shape: tuple[int, int, int]
    reader: str
    summary: str
    paper: str
    experiences: int
    files: Mapping[str, str] = field(default_factory=dict)
    packed: bool = False
    fetched: bool = False
    model: str = "mlp"
    made: str | None = None

    @property
    def of_images(self) -> bool:
        """Whether it is published as single images or by torchvision: `bench data import` takes it.

        A reader of one's own may read anything, and a file of arrays is none of images.
        """
        return self.fetched or self.reader.startswith("torchvision.")


@dataclass(frozen=True)
class Table:
    """Rows in the order of time, known by name, and the benchmark `NAME-nights` of them.

    Attributes:
        rows: of all days.
        days: with rows.
        features: of a row.
        classes: number of classes.
        reader: import path of the function that takes its files and returns the rows.
        summary: what it is, in words.
        paper: where it comes from.
        files: what must lie under the data root, each with the md5 of the published file.
    """

    rows: int
    days: int
    features: int
    classes: int
    reader: str
    summary: str
    paper: str
    files: Mapping[str, str]
    packed = fetched = of_images = False

    @property
    def months(self) -> int:
        """Stretches of MONTH days; the last may be shorter."""
        return -(-self.days // MONTH)


MONTH = 30
"""Days after which retention is told apart."""

_CIFAR10 = {
    "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
    "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
    "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
}

DATASETS: dict[str, DataSet] = {
    "digits": DataSet(
        train=1442,
        test=355,
        classes=10,
        shape=(1, 8, 8),
        reader="bench.data.readers:digits",
        summary="scikit-learn's 8x8 digits in 5 experiences of 2 classes; needs no download",
        paper="Alpaydin and Kaynak 1998, Optical Recognition of Handwritten Digits",
        experiences=5,
    ),
    "mnist": DataSet(
        train=60_000,
        test=10_000,
        classes=10,
        shape=(1, 28, 28),
        reader="torchvision.datasets:MNIST",
        summary="MNIST in 5 experiences of 2 digits",
        paper="Zenke et al. 2017, Continual Learning Through Synaptic Intelligence",
        experiences=5,
        files={
            "MNIST/raw/train-images-idx3-ubyte": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "MNIST/raw/train-labels-idx1-ubyte": "d53e105ee54ea40749a09fcbcd1e9432",
            "MNIST/raw/t10k-images-idx3-ubyte": "9fb629c4189551a2d022fa330f9573f3",
            "MNIST/raw/t10k-labels-idx1-ubyte": "ec29112dd5afa0611ce80d1b7f02629c",
        },
        packed=True,
        fetched=True,
    ),
    "fmnist": DataSet(
        train=60_000,
        test=10_000,
        classes=10,
        shape=(1, 28, 28),
        reader="torchvision.datasets:FashionMNIST",
        summary="Fashion-MNIST in 5 experiences of 2 classes",
        paper="Xiao et al. 2017, Fashion-MNIST",
        experiences=5,
        files={
            "FashionMNIST/raw/train-images-idx3-ubyte": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "FashionMNIST/raw/train-labels-idx1-ubyte": "25c81989df183df01b3e8a0aad5dffbe",
            "FashionMNIST/raw/t10k-images-idx3-ubyte": "bef4ecab320f06d8554ea6380940ec79",
            "FashionMNIST/raw/t10k-labels-idx1-ubyte": "bb300cfdad3c16e7a12a480ee83cd310",
        },
        packed=True,
        fetched=True,
    ),
    "omniglot": DataSet(
        train=3630,
        test=1210,
        classes=242,
        shape=(1, 28, 28),
        reader="bench.data.readers:omniglot",
        summary="242 characters of 8 alphabets in 22 experiences of 11; 15 drawings of each to "
        "train on, 5 to test",
        paper="Lake et al. 2015, Human-level concept learning; the two small background sets of "
        "github.com/brendenlake/omniglot",
        experiences=22,
        files={
            "omniglot/images_background_small1.zip": "e704a628b5459e08445c13499850abc4",
            "omniglot/images_background_small2.zip": "b75a71a51d3b13f821f212756fe481fd",
        },
    ),
    "cifar10": DataSet(
        train=50_000,
        test=10_000,
        classes=10,
        shape=(3, 32, 32),
        reader="torchvision.datasets:CIFAR10",
        summary="CIFAR-10 in 5 experiences of 2 classes",
        paper="Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images",
        experiences=5,
        files=_CIFAR10,
        fetched=True,
        model="vgg-small",
    ),
    "cifar10-features": DataSet(
        train=45_000,
        test=10_000,
        classes=10,
        shape=(2048, 1, 1),
        reader="torchvision.datasets:CIFAR10",
        summary="split-cifar10 as 2,048 features of a convolution that learned without labels from "
        "a tenth of the training images, which the stream has not",
        paper="Tadros et al. 2022, Sleep-like unsupervised replay; features by Coates et al. 2011",
        experiences=5,
        files=_CIFAR10,
        fetched=True,
        model="mlp-1028-256-dropout",
        made="bench.data.patch_features:without_labels",
    ),
    "cifar100": DataSet(
        train=50_000,
        test=10_000,
        classes=100,
        shape=(3, 32, 32),
        reader="torchvision.datasets:CIFAR100",
        summary="CIFAR-100 in 20 experiences of 5 classes",
        paper="Krizhevsky 2009; in 20 tasks by Lopez-Paz and Ranzato 2017",
        experiences=20,
        files={
            "cifar-100-python/train": "16019d7e3df5f24257cddd939b257f8d",
            "cifar-100-python/test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
        },
        fetched=True,
        model="vgg-small",
    ),
    "tinyimagenet": DataSet(
        train=100_000,
        test=10_000,
        classes=200,
        shape=(3, 64, 64),
        reader="bench.data.readers:tinyimagenet",
        summary="Tiny ImageNet in 10 experiences of 20 classes",
        paper="Le and Yang 2015, Tiny ImageNet; in 10 tasks by De Lange et al. 2021",
        experiences=10,
        files={
            "tiny-imagenet-200/val/val_annotations.txt": "90528d7ca1a48142e341f4ef8d21d0de",
        },
        packed=True,
        fetched=True,
        model="vgg-small",
    ),
}
"""Every data set by its name."""

TABLES: dict[str, Table] = {
    "elec2": Table(
        rows=45_312,
        days=944,
        features=12,
        classes=2,
        reader="bench.data.tables:elec2",
        summary="the electricity market of New South Wales, by day and night: does the price rise?",
        paper="Harries 1999, Splice-2 comparative evaluation: electricity pricing; elec.csv of "
        "github.com/scikit-multiflow/streaming-datasets",
        files={"elec2/elec.csv": "badaf31b05bd3f1a7744ef02854ad17c"},
    ),
}
"""Every table by its name."""


def published(name: str) -> DataSet | Table | None:
    """What is known under a name; None for data of a user's own."""
    return DATASETS.get(name) or TABLES.get(name)
