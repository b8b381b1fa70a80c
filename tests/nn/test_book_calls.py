"""A reader's own notebooks: written for the libraries of the book's day, run on today's."""

import importlib.metadata
import subprocess
import sys

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from tests.conftest import PROJECT

# Not asked by find_spec: nn.book_calls may have been imported by the doctests.
HAS_IMAGEIO = any(each.name == "imageio" for each in importlib.metadata.distributions())
# What a reader of the first editions typed, and of the later ones. Each picture is a 2D array.
READS = {
    "scipy": ("import scipy.misc", "scipy.misc.imread({}, flatten=True)"),
    "imageio": ("import imageio", "imageio.imread({}, as_gray=True)"),
    "imageio.v2": ("import imageio.v2", "imageio.v2.imread({}, as_gray=True)"),
    "imageio.v3": ("import imageio.v3", "imageio.v3.imread({}, mode='F')"),
}
OWN_CLASS = """
class neuralNetwork:
    def __init__(self, inputnodes, hiddennodes, outputnodes, learningrate):
        self.lr = learningrate
        self.sigmoid = lambda x: scipy.special.expit(x)
        self.first = numpy.random.normal(0.0, inputnodes ** -0.5, (hiddennodes, inputnodes))
        self.second = numpy.random.normal(0.0, hiddennodes ** -0.5, (outputnodes, hiddennodes))

    def forward(self, inputs_list):
        column = numpy.array(inputs_list, ndmin=2).T
        hidden = self.sigmoid(numpy.dot(self.first, column))
        return column, hidden, self.sigmoid(numpy.dot(self.second, hidden))

    def train(self, inputs_list, targets_list):
        column, hidden, out = self.forward(inputs_list)
        error = numpy.array(targets_list, ndmin=2).T - out
        back = numpy.dot(numpy.transpose(self.second), error)
        self.second += self.lr * numpy.dot(error * out * (1 - out), numpy.transpose(hidden))
        self.first += self.lr * numpy.dot(back * hidden * (1 - hidden), numpy.transpose(column))

    def query(self, inputs_list):
        return self.forward(inputs_list)[2]
"""
KIT_CLASS = "from nn.book import neuralNetwork"
TRAIN = """
numpy.random.seed(1)
n = neuralNetwork(784, 100, 10, 0.1)
with gzip.open("mnist_dataset/sample_train.csv.gz", "rt") as file:
    lines = file.readlines()[:1000]
for epoch in range(3):
    for line in lines:
        values = line.split(",")
        inputs = (numpy.asfarray(values[1:]) / 255.0 * 0.99) + 0.01
        targets = numpy.zeros(10) + 0.01
        targets[int(values[0])] = 0.99
        n.train(inputs, targets)
        if epoch == 0:
            square = inputs.reshape(28, 28)
            for angle in (10, -10):
                turned = ROTATE(square, angle, cval=0.01, order=1, reshape=False)
                n.train(turned.reshape(784), targets)
"""
TEST = """
scorecard = []
with gzip.open("mnist_dataset/sample_test.csv.gz", "rt") as file:
    for line in file.readlines()[:200]:
        values = line.split(",")
        inputs = numpy.asfarray(values[1:]) / 255.0 * 0.99 + 0.01
        scorecard.append(int(numpy.argmax(n.query(inputs)) == int(values[0])))
print("performance", numpy.asarray(scorecard).sum() / len(scorecard))
"""
OWN_PICTURES = """
for name in sorted(glob.glob(FOLDER + "/*.png")):
    grey = READ
    inputs = (255.0 - grey.reshape(784)) / 255.0 * 0.99 + 0.01
    print("label", name[-5:-4], "answer", numpy.argmax(n.query(inputs)), inputs.min(), inputs.max())
"""
SHOW = "matplotlib.pyplot.imshow(inputs.reshape(28, 28), cmap='Greys', interpolation='None');"
ROTATIONS = {
    "scipy.ndimage.rotate": "import scipy.ndimage",
    "scipy.ndimage.interpolation.rotate": "import scipy.ndimage.interpolation",
}


def notebook(reads: str, rotate: str, network: str, folder) -> list[str]:
    """Return the cells of a reader's notebook."""
    library, call = READS[reads]
    every = "import gzip, numpy, glob, scipy.special, matplotlib.pyplot"
    imports = [every, ROTATIONS[rotate], library]
    return [
        "\n".join(imports),
        network,
        TRAIN.replace("ROTATE", rotate),
        TEST,
        OWN_PICTURES.replace("READ", call.format("name")).replace("FOLDER", repr(str(folder))),
        SHOW,
    ]


@pytest.fixture
def own_pictures(tmp_path):
    """A reader's own pictures, 2828_7.png: dark strokes on white paper, in colour and in grey."""
    rows = (PROJECT / "mnist_dataset" / "sample_test_10.csv").read_text().splitlines()
    for mode, row in zip(("RGB", "L", "P", "LA"), rows, strict=False):
        label, *pixels = map(int, row.split(","))
        picture = Image.fromarray((255 - np.array(pixels)).astype("uint8").reshape(28, 28))
        picture.convert(mode).save(tmp_path / f"{mode}_{label}.png")
    return tmp_path


def run(code: str) -> subprocess.CompletedProcess:
    """Run Python in a process of its own: what the import adds must not reach other tests."""
    command = [sys.executable, "-W", "error:::nn", "-c", code]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)


def check(output: str) -> None:
    """The network has learned, and reads the pictures as it reads the digits of the file."""
    performance = float(output.split("performance ")[1].split()[0])
    assert performance > 0.55
    answers = [line.split() for line in output.splitlines() if line.startswith("label")]
    assert len(answers) == 4
    assert sum(words[1] == words[3] for words in answers) >= 3
    assert all(float(words[4]) < 0.05 and float(words[5]) > 0.9 for words in answers)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reads", "rotate", "network"),
    [
        ("scipy", "scipy.ndimage.interpolation.rotate", KIT_CLASS),
        ("imageio", "scipy.ndimage.rotate", KIT_CLASS),
        ("imageio.v2", "scipy.ndimage.rotate", OWN_CLASS),
        ("imageio.v3", "scipy.ndimage.interpolation.rotate", OWN_CLASS),
    ],
)
def test_a_readers_notebook_runs(reads, rotate, network, own_pictures):
    """With one line more at its top; the class is the kit's, or the reader's own."""
    cells = notebook(reads, rotate, network, own_pictures)
    done = run("\n".join(["import nn.book_calls", *cells]))
    assert done.returncode == 0, done.stderr
    check(done.stdout)


@pytest.mark.slow
def test_a_readers_notebook_runs_in_jupyter(own_pictures):
    """Cell by cell, with its magic, in a kernel."""
    cells = notebook("imageio.v3", "scipy.ndimage.rotate", KIT_CLASS, own_pictures)
    cells = ["import nn.book_calls\n%matplotlib inline", *cells]
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(made, timeout=300, resources={"metadata": {"path": str(PROJECT)}}).execute()
    outputs = [output for cell in made.cells for output in cell.outputs]
    check("".join(output.text for output in outputs if output.output_type == "stream"))
    assert any("image/png" in output.get("data", {}) for output in outputs)


@pytest.mark.parametrize(
    ("call", "missing"),
    [
        ("import numpy; numpy.asfarray(['1'])", not hasattr(np, "asfarray")),
        ("import scipy.misc; scipy.misc.imread", True),
        ("import imageio.v3", not HAS_IMAGEIO),
    ],
)
def test_it_adds_what_is_missing_and_says_so(call, missing):
    """Without the import the call fails; with it, it works, and a line says what was added."""
    assert (run(call).returncode != 0) == missing
    done = run(f"import nn.book_calls; {call}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nn.book_calls added ")
    name = "imageio.imread" if "imageio" in call else call.split("; ")[1].partition("(")[0]
    assert (name in done.stdout) == missing


def test_what_is_there_stays():
    """An imageio that is installed, and numpy's own function; nn.book alone adds nothing."""
    code = (
        "import sys, types, numpy; sys.modules['imageio'] = types.ModuleType('imageio')\n"
        "numpy.asfarray = len\n"
        "import nn.book_calls, imageio\n"
        "assert numpy.asfarray is len and not hasattr(imageio, 'imread')\n"
        "assert 'numpy.asfarray' not in nn.book_calls.ADDED"
    )
    assert run(code).returncode == 0
    code = "import numpy; before = dir(numpy); import nn.book; assert dir(numpy) == before"
    assert run(code).returncode == 0


def test_a_stand_in_says_what_it_is():
    """Another function of imageio is not there; whether it is installed can be asked."""
    if HAS_IMAGEIO:
        pytest.skip("imageio is installed")
    done = run("import nn.book_calls, imageio; imageio.mimread")
    assert "imageio has no mimread: nn.book_calls made it, with imread alone" in done.stderr
    code = "import nn.book_calls, importlib.util; print(importlib.util.find_spec('imageio').name)"
    assert run(code).stdout.endswith("imageio\n")


@pytest.mark.parametrize("values", [["0", "255", "1.5"], [0, 255, 2], np.arange(3, dtype="f4")])
def test_numbers_and_texts_become_floats(values):
    """As numpy's function did, float32 on request; other types mean float64."""
    code = (
        "import nn.book_calls, numpy\n"
        f"values = {[str(v) for v in values]}\n"
        "for dtype, expected in ((float, 'f8'), ('f4', 'f4'), (int, 'f8')):\n"
        "    array = nn.book_calls.asfarray(values, dtype)\n"
        "    assert array.dtype == expected and array.tolist() == [float(v) for v in values]"
    )
    assert run(code).returncode == 0


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "PA"])
def test_every_kind_of_picture_becomes_grey(mode, tmp_path):
    """28 by 28 floats from 0 to 255, black at one end and white at the other."""
    picture = Image.new("L", (28, 28), 255)
    picture.paste(0, (0, 0, 14, 28))
    file = tmp_path / ("picture.tiff" if mode in ("CMYK", "PA") else "picture.png")
    picture.convert("LA" if mode == "PA" else mode if mode != "I;16" else "L").save(file)
    code = (
        "import nn.book_calls\n"
        f"grey = nn.book_calls.read_picture({str(file)!r}, 'F')\n"
        "assert grey.shape == (28, 28) and grey.dtype == 'f4', (grey.shape, grey.dtype)\n"
        "assert grey[3, 3] < 5 and grey[3, 20] > 250, (grey[3, 3], grey[3, 20])"
    )
    done = run(code)
    assert done.returncode == 0, done.stderr
