"""The command groups and their common options."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from opsroom_client.cli.bots import bots
from opsroom_client.cli.chat import chat
from opsroom_client.cli.files import files
from opsroom_client.cli.hooks import hooks
from opsroom_client.cli.incidents import incidents
from opsroom_client.cli.messages import messages
from opsroom_client.cli.moderate import moderate
from opsroom_client.cli.notify import notify
from opsroom_client.cli.on_call import on_call
from opsroom_client.cli.people import invite, people
from opsroom_client.cli.rooms import rooms
from opsroom_client.cli.running import Server, chosen_server, read_token
from opsroom_client.cli.schedules import schedules
from opsroom_client.cli.search import search
from opsroom_client.cli.servers.approvals import approve, deny
from opsroom_client.cli.servers.group import servers
from opsroom_client.cli.threads import threads
from opsroom_client.cli.transfer import export_command, import_command
from opsroom_client.cli.webhooks import webhooks

PROGRAM = "opsroom"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--url",
    envvar="OPSROOM_URL",
    show_envvar=True,
    help="The portal's address. Default: the one at PORT, or the portal that was started last from here and"
    " still runs, or http://127.0.0.1:8000.",
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token for commands and moderation (or OPSROOM_TOKEN).",
)
@click.version_option(package_name="opsroom-client", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, /, **_: object) -> None:
    """Chat and manage servers from a terminal.

    Exit codes: 0 success, 1 rejected or failed, 2 usage error, 3 the portal can't be reached, 130
    interrupted.
    """
    context.obj = chosen_server(context)


@cli.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes `opsroom` in SHELL.

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


def _set_url(context: click.Context, _: click.Parameter, url: str | None) -> None:
    if url is not None:
        context.find_root().params["url"] = url  # read by the completion of ids
        if context.obj is not None:  # during completion no command runs
            context.obj = replace(context.obj, url=url)


def _set_token(context: click.Context, _: click.Parameter, file: Path | None) -> None:
    if file is not None:
        context.find_root().params["token_file"] = file  # as above
        if context.obj is not None:
            context.obj = replace(context.obj, token=read_token(file, None))


_COMMANDS = (
    *(servers, chat, rooms, messages, threads, files, search, notify),
    *(moderate, people, invite, bots, hooks, incidents),
    *(webhooks, on_call),
    *(approve, deny, schedules, export_command, import_command),
)

for _command in _COMMANDS:
    # Accept the global options after the command, too, where users expect them.
    _command.params += [
        click.Option(["--url"], callback=_set_url, expose_value=False, help="The portal's URL."),
        click.Option(
            ["--token-file"],
            type=click.Path(dir_okay=False, path_type=Path),
            callback=_set_token,
            expose_value=False,
            help="File with the token (or OPSROOM_TOKEN).",
        ),
    ]
    cli.add_command(_command)


def main(arguments: Sequence[str] | None = None, server: Server | None = None, program: str = PROGRAM) -> int:
    """Run the command line and exit.

    ``arguments``: those of the process if None. ``server``: finds the default server.
    """
    code: int = cli(arguments, prog_name=program, obj=server)
    return code
