"""The Model Context Protocol over standard input and output, by its official SDK."""

import json
import os
import signal
from typing import Any

import anyio
import mcp_types as types
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from fanfold import __version__
from fanfold.cli.assistants import answers
from fanfold.cli.assistants.calls import Assistant, Result
from fanfold.cli.assistants.marking import NOTE
from fanfold.cli.assistants.tools import Tool
from fanfold.cli.exit_codes import Exit

INSTRUCTIONS = f"""Fanfold is a crypto trading desk. Read before you propose: status, limits, report, why.
You cannot widen a limit, resume an account or trade real money; what needs that, propose to a person as a ticket.
{NOTE}"""


def server(assistant: Assistant) -> "Server[Any]":
    """Return a server of an assistant's tools."""

    async def list_tools(_context: Any, _params: Any) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[described(tool) for tool in assistant.tools.values()])

    async def call_tool(_context: Any, params: types.CallToolRequestParams) -> types.CallToolResult:
        arguments = params.arguments or {}
        return shown(await anyio.to_thread.run_sync(assistant.call, params.name, arguments, abandon_on_cancel=True))

    return Server(
        "fanfold", version=__version__, instructions=INSTRUCTIONS, on_list_tools=list_tools, on_call_tool=call_tool
    )


def serve(assistant: Assistant) -> None:
    """Answer until standard input ends, or a signal does it: then what runs for a call is stopped too."""
    anyio.run(_serve, assistant)


async def _serve(assistant: Assistant) -> None:
    served = server(assistant)
    async with anyio.create_task_group() as group:
        group.start_soon(_end_at_a_signal, assistant)
        async with stdio_server() as (requests, responses):
            await served.run(requests, responses, served.create_initialization_options())
        assistant.end()
        group.cancel_scope.cancel()


async def _end_at_a_signal(assistant: Assistant) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            await anyio.to_thread.run_sync(assistant.end)
            # The thread that reads standard input hears of nothing else than its end.
            os._exit(Exit.INTERRUPTED)


def described(tool: Tool) -> types.Tool:
    """Return a tool as the protocol lists it, with the schemas of its input and answer."""
    return types.Tool(
        name=tool.name,
        description=tool.about,
        input_schema=answers.schema_of_input(tool.input),
        output_schema=answers.schema_of(tool.answer),
        annotations=types.ToolAnnotations(
            title=tool.name.replace("_", " "),
            read_only_hint=not tool.changes,
            destructive_hint=tool.ends,
            idempotent_hint=tool.again,
            open_world_hint=tool.outside,
        ),
    )


def shown(result: Result) -> types.CallToolResult:
    """Return a result as the protocol carries it: an answer as structure and as text, an error as text that is data."""
    if result.document is None:
        text = json.dumps({"error": {"outside_text": result.error}}, ensure_ascii=False)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=True)
    text = json.dumps(result.document, ensure_ascii=False)
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], structured_content=result.document)
