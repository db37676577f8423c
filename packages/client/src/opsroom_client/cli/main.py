"""The commands and what they share."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from opsroom_client.cli.chat import chat
from opsroom_client.cli.moderate import moderate
from opsroom_client.cli.running import Server, chosen_server, read_token
from opsroom_client.cli.servers import servers

PROGRAM = "opsroom"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--url",
    envvar="OPSROOM_URL",
    show_envvar=True,
    help="The server. Else `opsroom` takes the one at PORT, or the one started last from here that still"
    " runs; and otherwise it is http://127.0.0.1:8000.",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token in whose name one commands or moderates (or OPSROOM_TOKEN).",
)
@click.version_option(package_name="opsroom-client", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, /, **_: object) -> None:
    """Talk and command servers from a terminal.

    Exit codes: 0 done, 1 refused or failed, 2 a mistake on the command line, 3 the server can't be reached,
    130 interrupted.
    """
    context.obj = chosen_server(context)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what teaches SHELL to complete `opsroom`.

    \b
    bash, in ~/.bashrc:                   eval "$(opsroom completion bash)"
    zsh, in ~/.zshrc:                     eval "$(opsroom completion zsh)"
    fish, in ~/.config/fish/config.fish:  opsroom completion fish | source
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"no completion for {shell}")
    program = click.get_current_context().find_root().info_name or PROGRAM
    variable = f"_{program}_COMPLETE".replace("-", "_").upper()
    click.echo(found(cli, {}, program, variable).source())


def _elsewhere(context: click.Context, _: click.Parameter, url: str | None) -> None:
    if url is not None:
        context.find_root().params["url"] = url  # what completes ids looks there
        if context.obj is not None:  # while completing, no command runs
            context.obj = replace(context.obj, url=url)


def _by_token_of(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.find_root().params["token_file"] = file  # as above
        if context.obj is not None:
            context.obj = replace(context.obj, token=read_token(file, None))


for _command in (servers, chat, moderate):
    # Those of the whole, behind the command as well: it is where people look for them.
    _command.params += [
        click.Option(["--url"], callback=_elsewhere, expose_value=False, help="The server."),
        click.Option(
            ["--token-file"],
            type=click.Path(dir_okay=False, path_type=Path),
            callback=_by_token_of,
            expose_value=False,
            help="File with the token (or OPSROOM_TOKEN).",
        ),
    ]
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None, server: Server | None = None, program: str = PROGRAM) -> int:
    """Run the command line, that of the process where none is given, and end with its exit code.

    ``server``: what finds the server where none is named.
    """
    code: int = cli(arguments, prog_name=program, obj=server)
    return code
