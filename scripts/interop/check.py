"""Checks the other side of `ripe convert`: the frameworks themselves load what it writes and compute the same with it.

    make test-interop                                 all checks, a few minutes on two cores
    make test-interop INTEROP="--only vgg,swin"       those whose names contain one of the words

Weights are random, with BatchNorm statistics that are not those of a new network. Each check compares the outputs of the
source's framework and of the target's for one fixed input, relative to the largest output: the limit is 1e-5, which
leaves a factor of about five to what float32 sums in another order give (2e-6 here). Tensors are compared bit by bit.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ["KERAS_BACKEND"] = "torch"
sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
import torchvision_cpu  # noqa: F401, E402  before torchvision
import h5py  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402
import safetensors.torch  # noqa: E402
import timm  # noqa: E402
import torch  # noqa: E402
import torchvision  # noqa: E402

LIMIT = 1e-5
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
IMAGES = np.random.default_rng(1).random((2, 224, 224, 3), dtype=np.float32)
NORMALIZED = (IMAGES - MEAN) / DEVIATION
CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


class Tool:
    """Runs `ripe` in a folder of its own."""

    def __init__(self, ripe, folder):
        self.ripe, self.folder = ripe, folder

    def path(self, name):
        return str(self.folder / name)

    def run(self, *arguments):
        done = subprocess.run([self.ripe, *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError(f"ripe {' '.join(arguments)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def convert(self, source, name, *options):
        self.run("convert", source, self.path(name), "--overwrite", *options)
        return self.path(name)


def randomized(model, seed=0):
    """A PyTorch model with statistics and norms away from their initial values."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.state_dict().items():
        if name.endswith("running_mean"):
            value.copy_(torch.randn(value.shape, generator=generator) * 0.1)
        elif name.endswith("running_var"):
            value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
        elif name.endswith(("layer_scale", "gamma")):
            value.copy_(torch.rand(value.shape, generator=generator) * 0.5 + 0.1)
    return model.eval()


def randomized_keras(model, seed=0):
    """A Keras model with biases and statistics away from their initial values."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        name, shape = variable.path.split("/")[-1], variable.shape
        if name in ("bias", "beta", "moving_mean"):
            variable.assign(random.normal(0, 0.1, shape).astype("f4"))
        elif name in ("moving_variance", "gamma"):
            variable.assign(random.uniform(0.5, 1.5, shape).astype("f4"))
        elif "layer_scale" in variable.path:
            variable.assign(random.uniform(0.1, 0.6, shape).astype("f4"))
    return model


def saved(tool, model, name):
    torch.save(model.state_dict(), tool.path(name))
    return tool.path(name)


def torch_output(model, images):
    with torch.no_grad():
        return model(torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))).numpy()


def keras_output(model, images):
    return np.asarray(model.predict(images, verbose=0))


def loaded(model, path):
    model.load_state_dict(torch.load(path, weights_only=True, mmap=True), strict=True)
    return model.eval()


def compare(a, b):
    """The largest difference relative to the largest output; both must be there and not constant."""
    assert a.shape == b.shape and np.isfinite(a).all() and a.std() > 0, (a.shape, b.shape)
    difference = np.abs(a - b).max() / np.abs(a).max()
    assert difference <= LIMIT, f"outputs differ by {difference:.2g}"
    return difference


def softmax(values):
    return torch.softmax(torch.from_numpy(values), 1).numpy()


def first_strides(model):
    """torchvision's ResNet with the strides of Keras' and the paper's first version."""
    for stage in (model.layer2, model.layer3, model.layer4):
        stage[0].conv1.stride, stage[0].conv2.stride = (2, 2), (1, 1)
    return model


@check
def resnet50_torchvision_to_keras(tool):
    """torchvision ResNet-50 to a ResNet50-shaped Keras model with v1.5 strides; its weights fit keras.applications."""
    source = randomized(torchvision.models.resnet50())
    path = saved(tool, source, "resnet50.pt")
    model = keras.models.load_model(tool.convert(path, "resnet50.keras", "--dialect", "keras"), compile=False)
    result = compare(torch_output(source, NORMALIZED), keras_output(model, NORMALIZED))
    for name, options in (("r.weights.h5", ()), ("r_legacy.h5", ("--to", "keras-h5"))):
        application = keras.applications.ResNet50(weights=None)
        application.load_weights(tool.convert(path, name, "--dialect", "keras", *options))
        for own, other in zip(application.weights, model.weights):
            assert np.array_equal(np.asarray(own), np.asarray(other)), own.path
    return result


@check
def resnet50_keras_to_torchvision(tool):
    """Keras ResNet50 to PyTorch: biases before BatchNorm, epsilon, v1 strides, BGR input."""
    source = randomized_keras(keras.applications.ResNet50(weights=None))
    expected = keras_output(source, NORMALIZED)
    differences = []
    for name in ("k50.keras", "k50.weights.h5", "k50.h5"):
        (source.save_weights if "weights" in name else source.save)(tool.path(name))
        path = tool.convert(tool.path(name), "k50.pt", "--dialect", "torchvision", "--fold-epsilon")
        model = loaded(first_strides(torchvision.models.resnet50()), path)
        differences.append(compare(expected, softmax(torch_output(model, NORMALIZED))))
    path = tool.convert(tool.path("k50.keras"), "rgb.pt", "--dialect", "timm", "--fold-epsilon", "--reverse-input")
    model = loaded(first_strides(timm.create_model("resnet50")), path)
    differences.append(compare(expected, softmax(torch_output(model, NORMALIZED[..., ::-1]))))
    return max(differences)


@check
def resnet_other_depths(tool):
    """Basic blocks, ResNet-101 and ResNeXt to Keras and back to the same file."""
    differences = []
    for name in ("resnet18", "resnet34", "resnet101", "resnext50_32x4d"):
        source = randomized(getattr(torchvision.models, name)())
        path = saved(tool, source, f"{name}.pt")
        model = keras.models.load_model(tool.convert(path, f"{name}.keras", "--dialect", "keras"), compile=False)
        differences.append(compare(torch_output(source, NORMALIZED), keras_output(model, NORMALIZED)))
        tool.run("diff", path, tool.convert(tool.path(f"{name}.keras"), "back.pt", "--dialect", "torchvision"))
    return max(differences)


@check
def vgg16_both_ways(tool):
    """VGG16 with its dense head from torchvision to Keras and timm, and from Keras to torchvision."""
    source = randomized(torchvision.models.vgg16())
    path = saved(tool, source, "vgg16.pt")
    expected = torch_output(source, NORMALIZED)
    model = keras.models.load_model(tool.convert(path, "vgg16.keras", "--dialect", "keras"), compile=False)
    differences = [compare(expected, keras_output(model, NORMALIZED))]
    other = loaded(timm.create_model("vgg16"), tool.convert(path, "vgg16_timm.pt", "--dialect", "timm"))
    differences.append(compare(expected, torch_output(other, NORMALIZED)))
    keras_source = randomized_keras(keras.applications.VGG16(weights=None))
    keras_source.save_weights(tool.path("kvgg16.weights.h5"))
    back = tool.convert(tool.path("kvgg16.weights.h5"), "kvgg16.pt", "--dialect", "torchvision")
    again = torch_output(loaded(torchvision.models.vgg16(), back), NORMALIZED)
    differences.append(compare(keras_output(keras_source, NORMALIZED), softmax(again)))
    return max(differences)


@check
def efficientnet_b0(tool):
    """EfficientNet-B0: torchvision to timm and Keras, Keras to timm's tf_ model."""
    source = randomized(torchvision.models.efficientnet_b0())
    path = saved(tool, source, "b0.pt")
    expected = torch_output(source, NORMALIZED)
    other = loaded(timm.create_model("efficientnet_b0"), tool.convert(path, "b0_timm.pt", "--dialect", "timm"))
    differences = [compare(expected, torch_output(other, NORMALIZED))]
    model = keras.models.load_model(tool.convert(path, "b0.keras", "--dialect", "keras"), compile=False)
    differences.append(compare(expected, keras_output(model, IMAGES * 255)))
    keras.applications.EfficientNetB0(weights=None).load_weights(
        tool.convert(path, "b0.weights.h5", "--dialect", "keras"))
    keras_source = randomized_keras(keras.applications.EfficientNetB0(weights=None))
    normalization = next(layer for layer in keras_source.layers if layer.name.startswith("normalization"))
    normalization.adapt_mean.assign(MEAN)
    normalization.adapt_variance.assign(DEVIATION**2)
    normalization.finalize_state()
    keras_source.save(tool.path("kb0.keras"))
    keras_source = keras.models.load_model(tool.path("kb0.keras"), compile=False)
    back = tool.convert(tool.path("kb0.keras"), "kb0.pt", "--dialect", "timm")
    again = torch_output(loaded(timm.create_model("tf_efficientnet_b0"), back), NORMALIZED)
    differences.append(compare(keras_output(keras_source, IMAGES * 255), softmax(again)))
    return max(differences)


@check
def convnext_tiny(tool):
    """ConvNeXt-T: torchvision to timm and Keras, Keras to torchvision."""
    source = randomized(torchvision.models.convnext_tiny())
    path = saved(tool, source, "convnext.pt")
    expected = torch_output(source, NORMALIZED)
    other = loaded(timm.create_model("convnext_tiny"), tool.convert(path, "convnext_timm.pt", "--dialect", "timm"))
    differences = [compare(expected, torch_output(other, NORMALIZED))]
    model = keras.models.load_model(tool.convert(path, "convnext.keras", "--dialect", "keras"), compile=False)
    differences.append(compare(expected, keras_output(model, IMAGES * 255)))
    keras.applications.ConvNeXtTiny(weights=None).load_weights(
        tool.convert(path, "convnext.weights.h5", "--dialect", "keras"))
    keras_source = randomized_keras(keras.applications.ConvNeXtTiny(weights=None))
    for name in ("kconvnext.keras", "kconvnext.weights.h5"):
        (keras_source.save_weights if "weights" in name else keras_source.save)(tool.path(name))
        back = tool.convert(tool.path(name), "kconvnext.pt", "--dialect", "torchvision")
        again = torch_output(loaded(torchvision.models.convnext_tiny(), back), NORMALIZED)
        differences.append(compare(keras_output(keras_source, IMAGES * 255), softmax(again)))
    return max(differences)


@check
def swin_tiny(tool):
    """Swin-T: torchvision to timm and back, index buffers made anew."""
    source = randomized(torchvision.models.swin_t())
    path = saved(tool, source, "swin.pt")
    other = timm.create_model("swin_tiny_patch4_window7_224")
    timm_path = tool.convert(path, "swin_timm.pt", "--dialect", "timm")
    result = compare(torch_output(source, NORMALIZED), torch_output(loaded(other, timm_path), NORMALIZED))
    back = torch.load(tool.convert(timm_path, "swin_back.pt", "--dialect", "torchvision"), weights_only=True)
    assert back.keys() == source.state_dict().keys()
    assert all(torch.equal(back[name], value) for name, value in source.state_dict().items())
    return result


@check
def smp_encoders(tool):
    """Encoders load into segmentation_models_pytorch without their heads, and give the same deepest map."""
    import segmentation_models_pytorch as smp

    differences = []
    for encoder, source in (
        ("resnet50", randomized(torchvision.models.resnet50())), ("vgg16_bn", randomized(torchvision.models.vgg16_bn())),
        ("efficientnet-b0", randomized(timm.create_model("tf_efficientnet_b0"))),
        ("tu-convnext_tiny", randomized(timm.create_model("convnext_tiny"))),
    ):
        path = tool.convert(saved(tool, source, "encoder.pt"), "encoder_smp.pt", "--dialect", "smp")
        weights = torch.load(path, weights_only=True)
        assert all(name.startswith("encoder.") for name in weights)
        model = smp.encoders.get_encoder(encoder, weights=None).eval()
        model.load_state_dict({name.removeprefix("encoder."): value for name, value in weights.items()}, strict=True)
        with torch.no_grad():
            maps = model(torch.from_numpy(np.ascontiguousarray(NORMALIZED.transpose(0, 3, 1, 2))))
        if hasattr(source, "forward_features") and "conv" in encoder:
            expected = torch_output(torch.nn.Sequential(source.stem, source.stages), NORMALIZED)
        elif encoder == "efficientnet-b0":
            expected = torch_output(torch.nn.Sequential(source.conv_stem, source.bn1, source.blocks), NORMALIZED)
        elif encoder == "vgg16_bn":
            expected = torch_output(source.features, NORMALIZED)
        else:
            expected = torch_output(torch.nn.Sequential(*list(source.children())[:-2]), NORMALIZED)
        differences.append(compare(expected, maps[-1].numpy()))
    return max(differences)


def read_back(path):
    """A file's tensors as PyTorch tensors, by the library that its format belongs to."""
    if path.endswith(".pt"):
        return torch.load(path, weights_only=True, mmap=True)
    if path.endswith(".safetensors"):
        return safetensors.torch.load_file(path)
    if path.endswith(".npz"):
        with np.load(path) as file:
            return {name: torch.from_numpy(np.asarray(file[name])) for name in file.files}
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: torch.from_numpy(np.asarray(item[()]))})
            if isinstance(item, h5py.Dataset) else None)
    return found


TIMM_MODELS = (
    "resnet18", "vgg11_bn", "swin_tiny_patch4_window7_224", "convnext_atto", "efficientnet_b0", "densenet121",
    "mobilenetv2_100", "mobilenetv3_small_100", "vit_tiny_patch16_224")


@check
def formats_of_timm_models(tool):
    """Every format loads in its own library bit for bit, and comes back through every other; timm loads it strictly."""
    for name in TIMM_MODELS:
        model = randomized(timm.create_model(name))
        original = model.state_dict()
        path = saved(tool, model, "model.pt")
        for ending in ("safetensors", "npz", "h5", "pt"):
            out = tool.convert(path, f"a.{ending}")
            for tensor, value in read_back(out).items():
                assert torch.equal(value, original[tensor]) and value.dtype == original[tensor].dtype, (name, tensor)
            assert len(read_back(out)) == len(original), (name, ending)
        for first in ("safetensors", "npz", "h5", "keras-h5", "weights.h5"):
            one = tool.convert(path, f"one.{'legacy.h5' if first == 'keras-h5' else first}", "--to", first)
            tool.run("diff", path, one)
            loaded(timm.create_model(name), tool.convert(one, "back.pt"))
            tool.run("diff", path, tool.path("back.pt"))
    return 0


@check
def payloads(tool):
    """Half, bfloat16 and 8-bit floats, integers, bool, scalars, views and tied tensors survive every format."""
    weights = {
        "half": torch.randn(3, 4).half(), "bfloat": torch.randn(5).bfloat16(), "f8": torch.randn(7).to(torch.float8_e4m3fn),
        "f8e5": torch.randn(2, 2).to(torch.float8_e5m2), "double": torch.randn(2).double(), "flag": torch.tensor([True, False]),
        "count": torch.tensor(7), "bytes": torch.arange(5, dtype=torch.uint8), "u16": torch.tensor([1, 2, 65535], dtype=torch.uint16),
        "strided": torch.randn(4, 6).t(), "slice": torch.randn(10)[2:5], "expanded": torch.randn(1, 3).expand(2, 3),
        "channels_last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last), "empty": torch.zeros(0, 3),
    }
    weights["tied"] = weights["double"]
    torch.save(weights, tool.path("payloads.pt"))
    for ending in ("safetensors", "npz", "h5", "pt", "keras-h5", "weights.h5"):
        out = tool.convert(tool.path("payloads.pt"), f"p.{ending.replace('keras-h5', 'legacy.h5')}", "--to", ending)
        tool.run("diff", tool.path("payloads.pt"), out)
        back = torch.load(tool.convert(out, "payloads_back.pt"), weights_only=True)
        assert back.keys() == weights.keys(), ending
        for name, value in weights.items():
            assert back[name].dtype == value.dtype and back[name].shape == value.shape, (ending, name)
            assert torch.equal(back[name].contiguous().view(torch.uint8) if value.dim() else back[name],
                               value.contiguous().view(torch.uint8) if value.dim() else value), (ending, name)
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ripe", type=Path, required=True, help="the ripe to check")
    parser.add_argument("--only", default="", help="comma-separated parts of the names of checks")
    options = parser.parse_args()
    words = [word for word in options.only.split(",") if word]
    print(f"PyTorch {torch.__version__}, timm {timm.__version__}, Keras {keras.__version__}, h5py {h5py.__version__}")
    failures = 0
    for function in CHECKS:
        if words and not any(word in function.__name__ for word in words):
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                keras.backend.clear_session()  # layer names count from one again
                torch.manual_seed(0)
                keras.utils.set_random_seed(0)
                difference = function(Tool(str(options.ripe.resolve()), Path(folder)))
                words_found = "bit for bit" if difference == 0 else f"outputs within {difference:.1e}"
                print(f"ok      {function.__name__:34} {words_found:24} {time.monotonic() - start:5.0f} s", flush=True)
            except Exception as error:  # every check is run, whatever became of the one before
                failures += 1
                print(f"FAILED  {function.__name__:34} {type(error).__name__}: {str(error)[:2000]}", flush=True)
    print(f"{failures} failed" if failures else "all checks passed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
