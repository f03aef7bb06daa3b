// The roles of a service's functions, from `rights` in its serverless.yml, and those that AWS's services take on for it.
const { allow, arn, bounded, functionArn, imported, kebab, pascal, policy, refuse, stack } = require("./stack.cjs");
const topology = require("./topology.json");

/**
 * A role a function, and one for each entry of `serviceRoles`. What a right says: `publish` to topics, actions on `tables` and
 * `buckets` (lake/reports/* is part of one), `parameters` and `secrets` to read, a state machine to `start`, `seals` to sign or
 * verify, functions of other services that it `calls`, and whether it `watches` what the stage runs on. A service may also `invoke` functions; a state machine `maps` by its own name, in executions of its own, and `runs` a
 * container task, which fetches its `image` and writes a `log`. What follows is not said: a function's log, its queue, the dead letters and the faults table of what fails, its key,
 * traces.
 */
async function roles(source) {
  const about = await stack(source);
  const { functions, custom } = about;
  refuseUnknown(custom, functions);
  const Resources = {};
  for (const [name, declared] of Object.entries(functions)) {
    const statements = ofFunction(name, declared, custom.rights[name] ?? {}, about);
    Resources[declared.role] = role("lambda", declared.role, statements, about);
  }
  const scheduled = Object.keys(functions).filter((name) => functions[name].events?.some((event) => event.schedule));
  const wake = scheduled.length > 0 ? { ScheduleRole: { of: "scheduler", invoke: scheduled } } : {};
  for (const [name, right] of Object.entries({ ...wake, ...custom.serviceRoles })) {
    Resources[name] = role(right.of, name, ofService(right, about), about);
  }
  return { Resources };
}

const KINDS = ["publish", "tables", "buckets", "parameters", "secrets", "start", "seals", "calls", "watches"];
const OF_SERVICES = ["of", "invoke", "maps", "runs", "image", "log"];

/** Refuse rights of no function, and what is no kind of right: a misspelt one would be a right less. */
function refuseUnknown({ rights, serviceRoles = {} }, functions) {
  for (const name of Object.keys(rights)) if (!functions[name]) refuse(`there are rights of ${name}, and no such function`);
  for (const [name, right] of Object.entries({ ...rights, ...serviceRoles })) {
    const known = serviceRoles[name] ? [...KINDS, ...OF_SERVICES] : KINDS;
    const unknown = Object.keys(right).filter((kind) => !known.includes(kind));
    if (unknown.length > 0) refuse(`${name} has the right ${unknown}; known are ${known.join(", ")}`);
  }
}

function role(principal, name, statements, about) {
  const PolicyDocument = policy(...statements);
  const Policies = [{ PolicyName: kebab(name.replace(/Role$/, "")), PolicyDocument }];
  const trust = { Effect: "Allow", Action: "sts:AssumeRole", Principal: { Service: `${principal}.amazonaws.com` } };
  const AssumeRolePolicyDocument = policy({ ...trust, ...confused(principal, about.stage) });
  return bounded({ Type: "AWS::IAM::Role", Properties: { AssumeRolePolicyDocument, Policies } }, about);
}

/**
 * A service takes a role on for its own customers alone, so it is asked on whose behalf; Lambda is told a function's role by who
 * may pass it, and says no more of itself.
 */
function confused(principal, stage) {
  if (principal === "lambda") return {};
  const StringEquals = { "aws:SourceAccount": { Ref: "AWS::AccountId" } };
  if (principal === "ecs-tasks") return { Condition: { StringEquals, ArnLike: { "aws:SourceArn": arn("ecs", "*") } } };
  if (principal === "states") {
    return { Condition: { StringEquals, ArnLike: { "aws:SourceArn": arn("states", `stateMachine:fanfold-${stage}-*`) } } };
  }
  // The group, as the scheduler says; a schedule's own name never matches.
  return { Condition: { StringEquals, ArnEquals: { "aws:SourceArn": arn("scheduler", "schedule-group/default") } } };
}

function ofFunction(name, declared, right, about) {
  const log = `log-group:/aws/lambda/fanfold-${about.params.name}-${about.stage}-${name}:*`;
  const reads = declared.events?.some((event) => event.sqs);
  return [
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn("logs", log)),
    // X-Ray knows no resources to name. What no trace comes to says so.
    ...(about.params.tracing === "Active" && about.custom.traced !== false ? [allow(["xray:PutTraceSegments", "xray:PutTelemetryRecords"], "*")] : []),
    ...ofKey(right, reads, about),
    ...(reads ? ofQueue(about.stage) : []),
    ...said(right, about),
    ...(right.watches ? ofWatcher(about.stage) : []),
  ];
}

/** How full the queues are, what was put aside (it is looked at, and not deleted), which alarms ring, and what code runs. */
function ofWatcher(stage) {
  const functions = Object.keys(topology.services).map((service) => arn("lambda", `function:fanfold-${service}-${stage}-*`));
  return [
    allow(["sqs:GetQueueAttributes"], arn("sqs", `fanfold-${stage}-*`)),
    allow(["sqs:ReceiveMessage"], arn("sqs", `fanfold-${stage}-*-dead-letters*`)),
    allow(["cloudwatch:DescribeAlarms"], arn("cloudwatch", "alarm:*")), // A list of alarms is asked for of all of them.
    allow(["lambda:GetFunctionConfiguration"], functions),
  ];
}

function ofQueue(stage) {
  const receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
  return [
    allow(receive, { "Fn::GetAtt": ["Queue", "Arn"] }),
    allow(["sqs:SendMessage"], { "Fn::GetAtt": ["DeadLetters", "Arn"] }),
    allow(["dynamodb:PutItem"], imported(stage, "FaultsTableArn")),
  ];
}

/** The stage's key, where it has one, as far as what a role reads and writes is under it. */
function ofKey({ publish = [], tables = {}, buckets = {}, secrets = [] }, reads, { stage, params }) {
  if (params.encryption !== "customer") return [];
  const actions = [...Object.values(tables), ...Object.values(buckets)].flat();
  // DynamoDB opens its own key of a table in the caller's name, whether it is read or written.
  const writes = reads || publish.length > 0 || Object.values(buckets).flat().some((action) => action.startsWith("Put"));
  const key = imported(stage, "KeyArn");
  if (writes) return [allow(["kms:Decrypt", "kms:GenerateDataKey"], key)];
  return secrets.length > 0 || actions.some((action) => !action.startsWith("List")) ? [allow(["kms:Decrypt"], key)] : [];
}

const SEALS = { sign: ["kms:GenerateMac"], verify: ["kms:DescribeKey", "kms:VerifyMac"] };

function said({ publish = [], tables = {}, buckets = {}, parameters = [], secrets = [], start, seals, calls = [] }, { stage, params }) {
  const parameter = (name) => arn("ssm", `parameter/fanfold/${stage}/${name}`);
  const topics = publish.map((topic) => imported(stage, `${pascal(topic)}TopicArn`));
  return [
    ...(publish.length > 0 ? [allow(["sns:Publish"], topics)] : []),
    ...Object.entries(tables).map(([table, actions]) =>
      allow(actions.map((action) => `dynamodb:${action}`), [imported(stage, `${pascal(table)}TableArn`)])),
    ...Object.entries(buckets).map(([path, actions]) => allow(actions.map((action) => `s3:${action}`), [objects(path, stage)])),
    ...parameters.map((name) => allow(["ssm:GetParameter"], parameter(name))),
    ...secrets.map((name) => allow(["secretsmanager:GetSecretValue"], { "Fn::GetAtt": [name, "Id"] })),
    ...(calls.length > 0 ? [allow(["lambda:InvokeFunction"], calls.map((name) => called(name, stage)))] : []),
    ...(start ? [allow(["states:StartExecution"], { Ref: start })] : []),
    ...(seals && params.seals === "key" ? [allow(SEALS[seals], imported(stage, "SealKeyArn"))] : []),
  ];
}

/** audit-api -> the function `api` of the service audit. */
function called(name, stage) {
  const [service, ...rest] = name.split("-");
  return arn("lambda", `function:fanfold-${service}-${stage}-${rest.join("-")}`);
}

/** lake -> the bucket; lake/reports/* -> what is below reports/ in it. */
function objects(path, stage) {
  const [bucket, ...below] = path.split("/");
  const rest = below.length > 0 ? `/${below.join("/")}` : "";
  return { "Fn::Join": ["", ["arn:aws:s3:::", imported(stage, `${pascal(bucket)}Bucket`), rest]] };
}

function ofService(right, about) {
  const { invoke } = right;
  return [
    ...ofKey(right, false, about),
    ...(invoke ? [allow(["lambda:InvokeFunction"], invoke.map(functionArn))] : []),
    ...said(right, about),
    ...ofMap(right, about.stage),
    ...ofRunner(right, about.stage),
    ...ofTask(right, about),
  ];
}

/** A distributed map starts its machine's own children, and looks after them. */
function ofMap({ maps }, stage) {
  if (!maps) return [];
  const name = `fanfold-${stage}-${maps}`;
  return [
    allow(["states:StartExecution"], arn("states", `stateMachine:${name}`)),
    allow(["states:DescribeExecution", "states:StopExecution"], arn("states", `execution:${name}:*`)),
  ];
}

/** A machine that waits for a task hears of its end by a rule of its own, which AWS names. */
function ofRunner({ runs }, stage) {
  if (!runs) return [];
  const roles = ["TaskRole", "TaskStartRole"].map((name) => ({ "Fn::GetAtt": [name, "Arn"] }));
  const ended = arn("events", "rule/StepFunctionsGetEventsForECSTaskRule");
  const passed = { Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } } };
  return [
    allow(["ecs:RunTask"], { Ref: runs }),
    allow(["ecs:StopTask", "ecs:DescribeTasks"], arn("ecs", `task/fanfold-${stage}-*`)),
    { ...allow(["iam:PassRole"], roles), ...passed },
    allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], ended),
  ];
}

/** A task that begins fetches its image, which takes a token of the whole registry, and writes its log. */
function ofTask({ image, log }, { params }) {
  if (!image) return [];
  const repository = params.image.split("@")[0].split("/").slice(1).join("/");
  return [
    allow(["ecr:GetAuthorizationToken"], "*"),
    allow(["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], arn("ecr", `repository/${repository}`)),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], { "Fn::GetAtt": [log, "Arn"] }),
  ];
}

module.exports = { roles };
