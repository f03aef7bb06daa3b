// What the functions of stacks.cjs are told of the stack that they are called for, and the names and documents that they share.
const { join } = require("node:path");

const EPHEMERAL = /^(pr|try)-[a-z0-9]{1,12}$/;

/** The stage, parameters, functions and `custom` of the stack that calls. */
async function stack({ resolveConfigurationProperty: property, resolveVariable }) {
  return {
    stage: await resolveVariable("sls:stage"),
    params: await property(["params", "default"]),
    functions: (await property(["functions"])) ?? {},
    custom: (await property(["custom"])) ?? {},
    part: (file) => resolveVariable(`file(${join(__dirname, file)})`),
  };
}

/** bars-requested -> BarsRequested, api_control -> ApiControl. */
function pascal(name) {
  return name.split(/[-_]/).map((word) => word[0].toUpperCase() + word.slice(1)).join("");
}

/** BackFillRole -> back-fill-role. */
function kebab(name) {
  return name.replaceAll(/(?!^)[A-Z]/g, "-$&").toLowerCase();
}

/** The logical name that the tool gives a function's resources. */
function logical(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("-", "Dash").replaceAll("_", "Underscore");
}

function imported(stage, name) {
  return { "Fn::ImportValue": `fanfold-${stage}-${name}` };
}

/** An ARN of the account and region that is deployed to: arn("sqs", "fanfold-dev-*"). */
function arn(service, resource) {
  return { "Fn::Sub": `arn:\${AWS::Partition}:${service}:\${AWS::Region}:\${AWS::AccountId}:${resource}` };
}

function functionArn(name) {
  return { "Fn::GetAtt": [`${logical(name)}LambdaFunction`, "Arn"] };
}

function allow(Action, Resource) {
  return { Effect: "Allow", Action, Resource };
}

/** Nothing is said in plain text. */
function denyPlain(Action, Resource) {
  return { Effect: "Deny", Principal: "*", Action, Resource, Condition: { Bool: { "aws:SecureTransport": "false" } } };
}

function policy(...Statement) {
  return { Version: "2012-10-17", Statement };
}

/** Within what `make bootstrap` allows the stage's roles, or the delivery may not make the role: of pr-12 all of pr-*. A stack that it
 * does not deploy says so. */
function bounded(role, { stage, params, custom }) {
  if (params.guards === "none" || custom.bounded === false) return role;
  const kind = EPHEMERAL.exec(stage)?.[1] ?? stage;
  const boundary = `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:policy/fanfold-boundary-${kind}-\${AWS::Region}`;
  return { ...role, Properties: { ...role.Properties, PermissionsBoundary: { "Fn::Sub": boundary } } };
}

function refuse(text) {
  const refusal = new Error(text);
  refusal.stack = text; // The tool prints the stack, in which nobody looks for a setting.
  throw refusal;
}

const shared = { allow, arn, bounded, denyPlain, functionArn, imported, kebab, logical, pascal, policy, refuse, stack };
module.exports = { EPHEMERAL, ...shared };
