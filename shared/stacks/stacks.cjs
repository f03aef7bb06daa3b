// What stacks include as ${file(…/stacks.cjs):name}: what follows from stage and profile, from topology.json, and from other
// parts of a stack. rights.cjs makes the roles, canary.cjs the canaries.
const { canaries } = require("./canary.cjs");
const { roles } = require("./rights.cjs");
const { EPHEMERAL, arn, denyPlain, imported, logical, pascal, policy, refuse, stack } = require("./stack.cjs");
const topology = require("./topology.json");

const ZERO_DIGEST = /^sha256:0{64}$/;
const NONE = { Ref: "AWS::NoValue" };
// The alarm looks at three periods, and CloudWatch at seven days.
const ALARM_PERIOD_MAX = (7 * 86_400) / 3;
// The services of a desk, and those that none needs.
const SERVICES = { ...topology.services, ...topology.optional };
// The topic of alarms, in whose messages there is nothing to filter by; no service publishes to it.
const ALARMS = "alarm";

/** The parameters of a stack: params.yml by stage, profiles.yml by profile, and what its own queues and image are called. */
async function params(source) {
  const { stage, part } = await stack({ ...source, resolveConfigurationProperty: () => undefined });
  const { default: usual, ephemeral, ...stages } = await part("params.yml");
  const own = stages[stage] ?? (EPHEMERAL.test(stage) ? ephemeral : undefined);
  if (!own) refuse(`there is no stage ${stage}: there are ${Object.keys(stages).join(", ")}, and temporary ones, pr-... and try-...`);
  const { required, digest, images, ...values } = { ...usual, ...own };
  const profile = (await part("profiles.yml"))[values.profile];
  if (!profile) refuse(`there is no profile ${values.profile}: they are in shared/stacks/profiles.yml`);
  const name = (await source.resolveConfigurationProperty(["service"])).replace("fanfold-", "");
  refuseMissing(stage, name, required, digest);
  const { queue, deadLetters, undelivered, fifo } = SERVICES[name] ?? {};
  return {
    default: {
      ...values, ...profile, name, queue, deadLetters, undelivered, fifo: fifo ? true : NONE,
      seals: values.signed ? profile.seals : "none",
      scheduleState: values.schedules ? "ENABLED" : "DISABLED",
      venueKind: values.venue === "simulated" ? "simulated" : "real",
      image: `${images}-${name}@${process.env[digestOf(name)] ?? digest}`,
      barsPeriod: Math.min(Number(values.barsPeriod), ALARM_PERIOD_MAX),
      researchConcurrency: Number(values.researchConcurrency || 2),
      researchReserved: Number(values.researchConcurrency || 0),
    },
  };
}

/** Refuse a stage whose required settings are not given, naming each that is missing and what it is. */
function refuseMissing(stage, name, required, digest) {
  const names = digest || name === "page" ? [] : topology.services[name] || name === "platform" ? Object.keys(topology.services) : [name];
  const digests = names.map((name) => [digestOf(name), `the digest of ${name}'s image, as \`make images\` prints it`]);
  const given = (value) => value && !ZERO_DIGEST.test(value);
  const missing = [...Object.entries(required), ...digests].filter(([variable]) => !given(process.env[variable]));
  if (missing.length === 0) return;
  const lines = missing.map(([variable, about]) => `  ${variable}: ${about}`);
  refuse([`the stage ${stage} needs more settings, as environment variables:`, ...lines].join("\n"));
}

function digestOf(name) {
  return `FANFOLD_DIGEST_${name.toUpperCase().replaceAll("-", "_")}`;
}

/** The platform's topics, what they refuse, and their exports. */
async function topics(source) {
  const { stage, params: { topicKey, guards } } = await stack(source);
  const Resources = {}, Outputs = {};
  for (const [topic, { name, fifo }] of Object.entries(topology.topics)) {
    const own = `${pascal(topic)}Topic`;
    const ordering = fifo ? { FifoTopic: true, ContentBasedDeduplication: false } : {};
    const Properties = { TopicName: `fanfold-${stage}-${name}`, KmsMasterKeyId: topicKey, ...ordering };
    Resources[own] = { Type: "AWS::SNS::Topic", Properties };
    Outputs[`${own}Arn`] = { Value: { Ref: own }, Export: { Name: `fanfold-${stage}-${own}Arn` } };
    if (guards === "none") continue;
    const PolicyDocument = policy(denyPlain("sns:Publish", { Ref: own }));
    Resources[`${own}Policy`] = { Type: "AWS::SNS::TopicPolicy", Properties: { Topics: [{ Ref: own }], PolicyDocument } };
  }
  return { Resources, Outputs };
}

/** The platform's tables: rows by pk and sk, with an end and a past, under the profile's key. */
async function tables(source) {
  const { stage, params: { removal, protected: kept, tableKey }, custom } = await stack(source);
  const Resources = {}, Outputs = {};
  const exported = (name, Value) => { Outputs[name] = { Value, Export: { Name: `fanfold-${stage}-${name}` } }; };
  for (const table of custom.tables) {
    const own = `${pascal(table)}Table`;
    const Properties = {
      TableName: `fanfold-${stage}-${table}`,
      BillingMode: "PAY_PER_REQUEST",
      DeletionProtectionEnabled: kept,
      SSESpecification: tableKey,
      AttributeDefinitions: ["pk", "sk"].map((AttributeName) => ({ AttributeName, AttributeType: "S" })),
      KeySchema: [{ AttributeName: "pk", KeyType: "HASH" }, { AttributeName: "sk", KeyType: "RANGE" }],
      TimeToLiveSpecification: { AttributeName: "expires_at_s", Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    };
    Resources[own] = { Type: "AWS::DynamoDB::Table", DeletionPolicy: removal, UpdateReplacePolicy: "Retain", Properties };
    exported(own, { Ref: own });
    exported(`${own}Arn`, { "Fn::GetAtt": [own, "Arn"] });
  }
  return { Resources, Outputs };
}

/** A service's subscriptions, with the filters of topology.json. */
async function subscriptions(source) {
  const { stage, params: { name }, custom } = await stack(source);
  const subscribed = Object.entries(heard(name, custom)).map(([topic, FilterPolicy]) => {
    const Properties = {
      TopicArn: imported(stage, `${pascal(topic)}TopicArn`),
      Protocol: "sqs",
      Endpoint: { "Fn::GetAtt": ["Queue", "Arn"] },
      RawMessageDelivery: true,
      RedrivePolicy: { deadLetterTargetArn: { "Fn::GetAtt": [catcher(name, topic), "Arn"] } },
      ...(Object.keys(FilterPolicy).length > 0 ? { FilterPolicy } : {}),
    };
    return [`${pascal(topic)}Subscription`, { Type: "AWS::SNS::Subscription", Properties }];
  });
  return { Resources: Object.fromEntries(subscribed) };
}

/** The topics of a service with their filters; `alarms: true` in its `custom` brings the desk's alarms too. */
function heard(name, custom) {
  return { ...SERVICES[name].subscriptions, ...(custom.alarms ? { [ALARMS]: {} } : {}) };
}

/** The queue for what a topic could not deliver. What a FIFO topic gives up goes to a FIFO queue, so a service may have two. */
function catcher(name, topic) {
  const { undelivered } = SERVICES[name];
  return undelivered && topology.topics[topic]?.fifo ? "Undelivered" : "DeadLetters";
}

/** Who may send to a service's queues: its topics, and nobody in plain text. */
async function queuePolicies(source) {
  const { stage, params: { name, guards }, custom } = await stack(source);
  const topics = Object.keys(heard(name, custom));
  const senders = { Queue: topics, DeadLetters: [], Undelivered: [] };
  for (const topic of topics) senders[catcher(name, topic)].push(topic);
  const document = (queue) => {
    const Resource = { "Fn::GetAtt": [queue, "Arn"] };
    const arns = senders[queue].map((topic) => imported(stage, `${pascal(topic)}TopicArn`));
    const Condition = { ArnEquals: { "aws:SourceArn": arns } };
    const send = { Effect: "Allow", Principal: { Service: "sns.amazonaws.com" }, Action: "sqs:SendMessage", Resource, Condition };
    return policy(...(guards === "none" ? [] : [denyPlain("sqs:*", Resource)]), send);
  };
  const queues = Object.keys(senders).filter((queue) => senders[queue].length > 0);
  const Resources = queues.map((queue) => {
    const Properties = { Queues: [{ Ref: queue }], PolicyDocument: document(queue) };
    return [`${queue}Policy`, { Type: "AWS::SQS::QueuePolicy", Properties }];
  });
  return { Resources: Object.fromEntries(Resources) };
}

/** A stack's alarms of alarms.yml, as its profile pays for them. */
async function alarms(source) {
  const { stage, params: { name, alarms: profile }, part } = await stack(source);
  const written = await part("alarms.yml");
  const platform = name === "platform";
  const topic = platform ? { Ref: "AlarmTopic" } : imported(stage, "AlarmTopicArn");
  const Resources = {};
  for (const [own, { profiles, ...alarm }] of Object.entries({ ...(SERVICES[name] ? written.service : {}), ...written[name] })) {
    if (!profiles.includes(profile)) continue;
    const properties = { ...alarm, AlarmName: `fanfold-${stage}-${alarm.AlarmName}`, AlarmActions: [topic], OKActions: [topic] };
    const Properties = Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== null));
    Resources[own] = { Type: "AWS::CloudWatch::Alarm", Properties };
  }
  return { Resources };
}

/**
 * A state machine's end that its own states do not tell of: AWS tells the alarm topic, for nothing, in every profile. Where a
 * machine tells of its failures, the state after that has the error `tells`; one that could not be told ends with another.
 * A machine without is stopped by who started it.
 */
async function endings(source) {
  const { stage, params: { alarms: profile }, custom: { machine: { name, tells } } } = await stack(source);
  if (profile === "none") return {};
  // An event without its error is told: rather twice than not.
  const error = [{ "anything-but": [tells] }, { exists: false }];
  const untold = { $or: [{ status: ["TIMED_OUT", "ABORTED"] }, { status: ["FAILED"], error }] };
  const detail = { stateMachineArn: [arn("states", `stateMachine:fanfold-${stage}-${name}`)], ...(tells ? untold : { status: ["TIMED_OUT"] }) };
  const told = `Fanfold ${stage}: an execution of ${name} ended as <status>: docs/runbook.md#an-execution-ended-early. Its name is <execution>.`;
  const Properties = {
    Name: `fanfold-${stage}-${name}-ended`,
    EventPattern: { source: ["aws.states"], "detail-type": ["Step Functions Execution Status Change"], detail },
    Targets: [{
      Id: "alarms",
      Arn: imported(stage, "AlarmTopicArn"),
      InputTransformer: { InputPathsMap: { status: "$.detail.status", execution: "$.detail.name" }, InputTemplate: JSON.stringify(told) },
    }],
  };
  return { Resources: { Ended: { Type: "AWS::Events::Rule", Properties } } };
}

/** A service's functions: what counts their errors, their logs' key, how many batches they work on at once, their canaries. */
async function functions(source) {
  const about = await stack(source);
  const { stage, params: { name, encryption, alarms: profile, canary }, functions: declared, custom } = about;
  const names = Object.keys(declared);
  const KmsKeyId = imported(stage, "KeyArn");
  const logs = encryption === "customer" ? names.map((name) => [`${logical(name)}LogGroup`, { Properties: { KmsKeyId } }]) : [];
  const limits = Object.entries(custom.concurrency ?? {}).filter(([, limit]) => limit > 0); // The tool takes no 0 for none.
  const limited = limits.map(([name, MaximumConcurrency]) =>
    [`${logical(name)}EventSourceMappingSQSQueue`, { Properties: { ScalingConfig: { MaximumConcurrency } } }]);
  const reserved = Object.entries(custom.reserved ?? {}).filter(([, limit]) => limit > 0).map(([name, limit]) =>
    [`${logical(name)}LambdaFunction`, { Properties: { ReservedConcurrentExecutions: limit } }]);
  const shifted = canary && custom.canary ? await canaries(source, about) : { Resources: {}, extensions: {} };
  return {
    // What no queue feeds is not the desk's: its errors are for who started it.
    Resources: { ...(profile === "none" || !SERVICES[name] ? {} : errorCounts(names, stage)), ...shifted.Resources },
    extensions: { ...Object.fromEntries([...logs, ...limited, ...reserved]), ...shifted.extensions },
  };
}

/**
 * Invocations that failed, timed out or ran out of memory, counted from what Lambda itself logs of them: AWS/Lambda has
 * them by function, an alarm each, or over the account. A metric costs in the hours alone in which it has a value.
 */
function errorCounts(names, stage) {
  const counted = { MetricNamespace: `Fanfold/${stage}`, MetricName: "FunctionErrors", MetricValue: "1", Unit: "Count" };
  const filter = (name) => ({
    Type: "AWS::Logs::MetricFilter",
    Properties: {
      LogGroupName: { Ref: `${logical(name)}LogGroup` },
      FilterPattern: '{ $.type = "platform.report" && $.record.status != "success" }',
      MetricTransformations: [counted],
    },
  });
  return Object.fromEntries(names.map((name) => [`${logical(name)}Errors`, filter(name)]));
}

/** The alarm topic's reader, where the stage names one. */
async function alarmReader(source) {
  const { params: { alarmEmail } } = await stack(source);
  if (!alarmEmail) return {};
  const Properties = { TopicArn: { Ref: "AlarmTopic" }, Protocol: "email", Endpoint: alarmEmail };
  return { Resources: { AlarmReader: { Type: "AWS::SNS::Subscription", Properties } } };
}

/** The dashboard of dashboard.json, where the stage pays for one. */
async function dashboard(source) {
  const { stage, params: { dashboard: wanted }, part } = await stack(source);
  if (wanted !== "true") return {};
  const DashboardBody = { "Fn::Sub": JSON.stringify(await part("dashboard.json")) };
  const DashboardName = { "Fn::Sub": `fanfold-${stage}-\${AWS::Region}` }; // Dashboards are of no region, and a stage is of one.
  const Properties = { DashboardName, DashboardBody };
  return { Resources: { Dashboard: { Type: "AWS::CloudWatch::Dashboard", Properties } } };
}

/** Tables and queries of the lake; the embedded AWS answers SQL from the lake's files and needs neither. */
async function lake(source) {
  const { params: { guards }, part } = await stack(source);
  if (guards === "none") return {};
  const [catalogue, queries] = [await part("glue_catalog.json"), await part("queries.yml")];
  return { Resources: { ...catalogue.Resources, ...queries.Resources } };
}

const platform = { topics, tables, dashboard, lake, alarmReader };
const service = { subscriptions, queuePolicies, roles, functions, endings };
module.exports = { params, alarms, ...platform, ...service };
