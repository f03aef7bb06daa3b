"""The server for assistants, spoken to by the official SDK's client over standard input and output."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from fanfold.cli.exit_codes import Exit
from support.command_processes import COMMAND, said
from support.desk_fixture import ROOT

if TYPE_CHECKING:
    from mcp.client.session import ClientSession


def talk(state: Path, act: Callable[["ClientSession"], Coroutine[Any, Any, None]], *words: str) -> None:
    """Let a client talk to a server of its own, which ends with it."""
    # Here, for every worker imports this module: the client takes a second.
    from mcp import StdioServerParameters
    from mcp.client.session import ClientSession
    from mcp.client.stdio import stdio_client

    environ = os.environ | {"PYTHONPATH": str(ROOT / "shared")}
    line = [*COMMAND[1:], "mcp", "--state", str(state), *words]
    parameters = StdioServerParameters(command=sys.executable, args=line, env=environ, cwd=state.parent)

    async def session() -> None:
        async with stdio_client(parameters) as (reading, writing), ClientSession(reading, writing) as client:
            await client.initialize()
            await act(client)

    asyncio.run(session())


def test_a_client_lists_tools_and_calls_them_where_there_is_no_desk_yet(tmp_path: Path) -> None:
    async def act(client: "ClientSession") -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert len(tools) == 17
        for tool in tools.values():
            assert tool.annotations is not None
            assert tool.annotations.read_only_hint
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            jsonschema.Draft202012Validator.check_schema(tool.output_schema)
        docs = await client.call_tool("docs", {"words": "trading state halt"})
        assert not docs.is_error
        # The client checks it against the tool's schema as well.
        jsonschema.validate(docs.structured_content, tools["docs"].output_schema)
        status = await client.call_tool("status", {})
        assert status.is_error
        assert "start one with `fanfold run`" in status.content[0].text
        refused = await client.call_tool("halt", {"state": "HALTED", "reason": "x", "dry_run": False})
        assert refused.is_error
        assert "--scope paper" in refused.content[0].text

    talk(tmp_path / "state", act)
    assert said(tmp_path / "state", "tickets") == (
        0,
        "no tickets: `fanfold mcp --scope propose` lets an assistant make some\n",
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_what_runs_for_a_call(tmp_path: Path, number: int) -> None:
    environ = os.environ | {"PYTHONPATH": str(ROOT / "shared"), "TMPDIR": str(tmp_path)}
    line = [*COMMAND, "mcp", "--state", str(tmp_path / "state")]
    greeting = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    with subprocess.Popen(line, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        for message in (
            "no JSON",
            {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting},
            {"jsonrpc": "2.0", "method": "notifications/initialized"},
            {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "strategies", "arguments": {}}},
        ):
            server.stdin.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["result"]["serverInfo"]["name"] == "fanfold"
        # The command for the call has its folder from its beginning to its end.
        while not list(tmp_path.glob("fanfold-assistant-*")):
            assert server.poll() is None
        server.send_signal(number)
        server.wait()
    assert server.returncode == Exit.INTERRUPTED
    assert list(tmp_path.glob("fanfold-assistant-*")) == []


def test_a_wrong_start_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "mine").write_text("x")
    code, words = said(tmp_path / "other", "mcp")
    assert (code, "is not empty and not a state directory of fanfold" in words) == (2, True)
    code, words = said(tmp_path / "state", "mcp", "--folder", str(tmp_path / "nowhere"))
    assert (code, "name another with --folder" in words) == (2, True)
