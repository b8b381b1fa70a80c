"""``weights``: write a network's weights as plain text, for programs in other languages."""

from pathlib import Path

from nn.cli.arguments import whole_number
from nn.cli.files import TargetError


def add_arguments(parser) -> None:
    """Add the command's flags."""
    parser.add_argument("--out", metavar="FILE", default="weights.txt", help="default: %(default)s")
    parser.add_argument(
        "--hidden-nodes",
        type=whole_number(1, 100_000),
        metavar="N",
        help="size of the hidden layer; default: 100",
    )
    parser.add_argument(
        "--seed", type=whole_number(0), metavar="N", help="seed of the weights; default: 1"
    )
    parser.add_argument(
        "--model", metavar="FILE.npz", help="write a trained model's weights, not new ones"
    )
    parser.add_argument("--force", action="store_true", help="replace FILE if it exists")
    parser.set_defaults(run=run, parser=parser)


def run(arguments) -> None:
    """Draw a network's first weights, or load a model's, and write them."""
    from nn.network import Network
    from nn.saving.model_file import load_model
    from nn.saving.weights_text import write_weights

    drawn = {"hidden_nodes": arguments.hidden_nodes, "seed": arguments.seed}
    given = {name: value for name, value in drawn.items() if value is not None}
    if arguments.model and given:
        arguments.parser.error("--model has weights of its own: use it without other settings")
    if not arguments.out or Path(arguments.out).is_dir():
        raise TargetError(f"{arguments.out or '--out'}: expected the name of a file")
    if Path(arguments.out).exists() and not arguments.force:
        raise TargetError(f"{arguments.out} already exists: use --force to replace it")
    network = (
        load_model(arguments.model)
        if arguments.model
        else Network(**{"hidden_nodes": 100, "seed": 1, **given}, dtype="float64")
    )
    write_weights(arguments.out, network.weights_input_hidden, network.weights_hidden_output)
    sizes = "-".join(map(str, network.sizes))
    print(f"Written: {arguments.out}, the weights of a {sizes} network")
