// What the stacks have that follows from other parts of them: one log group a function to encrypt, one version an image.
const { createHash } = require("node:crypto");
const { join } = require("node:path");

const ZERO_DIGEST = /^sha256:0{64}$/;
const EPHEMERAL = /^(pr|try)-[a-z0-9]{1,12}$/;

/** The stage of a name that the common file does not have: one of some days, if it is called like one. */
async function ephemeral({ resolveVariable }) {
  const name = await resolveVariable("sls:stage");
  if (!EPHEMERAL.test(name)) {
    refuse(`there is no stage ${name}: the stages are in serverless.common.yml; one of some days is called pr-... or try-...`);
  }
  return resolveVariable(`file(${join(__dirname, "serverless.common.yml")}):ephemeral`);
}

/** Refuse a stage whose required settings are not given, naming each that is missing and what it is. */
async function settings({ resolveConfigurationProperty: property, resolveVariable }) {
  const stage = await property(["custom", "stage"]);
  const name = await resolveVariable("sls:stage");
  const missing = Object.entries(stage.required).filter(([variable]) => wanting(process.env[variable]));
  if (missing.length === 0) return Object.keys(stage.required);
  const lines = missing.map(([variable, about]) => `  ${variable}: ${about}`);
  refuse([`the stage ${name} needs more settings, as environment variables:`, ...lines].join("\n"));
}

function wanting(value) {
  return !value || ZERO_DIGEST.test(value);
}

function refuse(text) {
  const refusal = new Error(text);
  refusal.stack = text; // The tool prints the stack, in which nobody looks for a setting.
  throw refusal;
}

/** By function, the statement that lets it write its log, and none but its own. */
async function logs({ resolveConfigurationProperty: property, resolveVariable }) {
  const prefix = `log-group:/aws/lambda/${await property(["service"])}-${await resolveVariable("sls:stage")}`;
  const statement = (name) => ({
    Effect: "Allow",
    Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
    Resource: { "Fn::Sub": `arn:\${AWS::Partition}:logs:\${AWS::Region}:\${AWS::AccountId}:${prefix}-${name}:*` },
  });
  return Object.fromEntries(Object.keys(await property(["functions"])).map((name) => [name, statement(name)]));
}

/**
 * A service's functions: their log groups under the customer's key and, where the stage has it, a canary. A canary is for
 * what queues feed: a tenth of what the API and the schedules ask is too little to tell a bad version by.
 */
async function functions({ resolveConfigurationProperty: property, resolveVariable }) {
  const custom = await property(["custom"]);
  const declared = (await property(["functions"])) ?? {};
  const provider = await property(["provider"]);
  const stage = await resolveVariable("sls:stage");
  const extensions = custom.profile.encryption === "customer" ? encryptedLogs(Object.keys(declared), stage) : {};
  Object.assign(extensions, limited(custom.concurrency ?? {}));
  if (custom.profile.guards !== "none") Object.assign(extensions, bounded(declared, custom.roles ?? [], stage));
  const Resources = custom.profile.alarms === "none" ? {} : errorCounts(Object.keys(declared), stage);
  if (!custom.stage.canary || custom.canary.length === 0) return { Resources, extensions };
  Object.assign(Resources, canaryApplication(custom.canary, stage, custom.name));
  for (const name of custom.canary) {
    Object.assign(Resources, canary(name, versioned(declared[name], provider), stage, custom.name));
    Object.assign(extensions, aliased(name));
  }
  return { Resources, extensions };
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

/** What a role may have at most: the stage's own, or that of all stages of some days of its kind. */
function boundary(stage) {
  const kind = EPHEMERAL.exec(stage)?.[1] ?? stage;
  return { "Fn::Sub": `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:policy/fanfold-boundary-${kind}-\${AWS::Region}` };
}

/** What `make bootstrap` made holds of every role, or the delivery may not make it: the functions' and those named. */
function bounded(declared, others, stage) {
  const roles = [...Object.values(declared).map((one) => one.role["Fn::GetAtt"][0]), ...others];
  const Properties = { PermissionsBoundary: boundary(stage) };
  return Object.fromEntries(roles.map((role) => [role, { Properties }]));
}

/** How many batches of a queue are worked on at once; the tool takes no 0 for none. */
function limited(concurrency) {
  const limits = Object.entries(concurrency).filter(([, limit]) => limit > 0);
  const scaling = (limit) => ({ Properties: { ScalingConfig: { MaximumConcurrency: limit } } });
  return Object.fromEntries(limits.map(([name, limit]) => [`${logical(name)}EventSourceMappingSQSQueue`, scaling(limit)]));
}

function encryptedLogs(names, stage) {
  const KmsKeyId = { "Fn::ImportValue": `fanfold-${stage}-KeyArn` };
  return Object.fromEntries(names.map((name) => [`${logical(name)}LogGroup`, { Properties: { KmsKeyId } }]));
}

/** The logical name that the tool gives a function's resources. */
function logical(name) {
  return name[0].toUpperCase() + name.slice(1).replaceAll("-", "Dash").replaceAll("_", "Underscore");
}

function aliased(name) {
  const mapping = `${logical(name)}EventSourceMappingSQSQueue`;
  return { [mapping]: { Properties: { FunctionName: { Ref: `${logical(name)}Alias` } } } };
}

function canaryApplication(names, stage, service) {
  const groups = `arn:\${AWS::Partition}:codedeploy:\${AWS::Region}:\${AWS::AccountId}:deploymentgroup:fanfold-${stage}-${service}/*`;
  const trust = {
    Effect: "Allow",
    Action: "sts:AssumeRole",
    Principal: { Service: "codedeploy.amazonaws.com" },
    Condition: {
      StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } },
      ArnLike: { "aws:SourceArn": { "Fn::Sub": groups } },
    },
  };
  const arns = names.map((name) => ({ "Fn::GetAtt": [`${logical(name)}LambdaFunction`, "Arn"] }));
  const versions = arns.map((arn) => ({ "Fn::Join": [":", [arn, "*"]] }));
  const shift = { Effect: "Allow", Action: ["lambda:GetAlias", "lambda:UpdateAlias"], Resource: [...arns, ...versions] };
  const alarms = { "Fn::Sub": "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:*" };
  const watch = { Effect: "Allow", Action: ["cloudwatch:DescribeAlarms"], Resource: alarms };
  const policy = (Statement) => ({ Version: "2012-10-17", Statement });
  return {
    CanaryApplication: {
      Type: "AWS::CodeDeploy::Application",
      Properties: { ApplicationName: `fanfold-${stage}-${service}`, ComputePlatform: "Lambda" },
    },
    CanaryRole: {
      Type: "AWS::IAM::Role",
      Properties: {
        AssumeRolePolicyDocument: policy([trust]),
        PermissionsBoundary: boundary(stage),
        Policies: [{ PolicyName: "shift", PolicyDocument: policy([shift, watch]) }],
      },
    },
  };
}

/** What Lambda makes a version of, and no more: it makes none where only tags, retention or triggers differ. */
function versioned(declared, provider) {
  const { image, role, tracing = provider.tracing.lambda, memorySize, timeout, environment } = declared;
  const own = { memorySize: memorySize ?? provider.memorySize, timeout: timeout ?? provider.timeout };
  const settings = { ...provider.environment, ...environment };
  return [image, role, tracing, own, settings, provider.architecture, provider.logs.lambda];
}

/** A version of the function as it is now, an alias that moves to it by a tenth first, and what stops it. */
function canary(name, described, stage, service) {
  const own = logical(name);
  // A version is a snapshot: a new image or setting has to be a new one, or the alias would stay where it is.
  const version = `${own}Version${createHash("sha256").update(JSON.stringify(described)).digest("hex").slice(0, 16)}`;
  const group = `${own}Canary`;
  return {
    [version]: {
      Type: "AWS::Lambda::Version",
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: { FunctionName: { Ref: `${own}LambdaFunction` } },
    },
    [`${own}Alias`]: {
      Type: "AWS::Lambda::Alias",
      DependsOn: [`${own}CanaryAlarm`], // It has to watch the new version before messages reach it.
      Properties: {
        Name: "live",
        FunctionName: { Ref: `${own}LambdaFunction` },
        FunctionVersion: { "Fn::GetAtt": [version, "Version"] },
      },
      UpdatePolicy: {
        CodeDeployLambdaAliasUpdate: {
          ApplicationName: { Ref: "CanaryApplication" },
          DeploymentGroupName: { Ref: group },
        },
      },
    },
    [group]: deploymentGroup(own, stage, service, name),
    [`${own}Faults`]: faultCount(own, stage, service, name),
    [`${own}CanaryAlarm`]: canaryAlarm(own, version, stage, service, name),
  };
}

function deploymentGroup(own, stage, service, name) {
  return {
    Type: "AWS::CodeDeploy::DeploymentGroup",
    Properties: {
      ApplicationName: { Ref: "CanaryApplication" },
      DeploymentGroupName: `fanfold-${stage}-${service}-${name}`,
      ServiceRoleArn: { "Fn::GetAtt": ["CanaryRole", "Arn"] },
      DeploymentConfigName: "CodeDeployDefault.LambdaCanary10Percent5Minutes",
      DeploymentStyle: { DeploymentType: "BLUE_GREEN", DeploymentOption: "WITH_TRAFFIC_CONTROL" },
      AutoRollbackConfiguration: { Enabled: true, Events: ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"] },
      AlarmConfiguration: {
        Enabled: true,
        // No alarm that may stand already, such as that of dead letters: it would stop the very deploy that mends it.
        Alarms: [{ Name: { Ref: `${own}CanaryAlarm` } }],
      },
    },
  };
}

/**
 * Faults by version. A message that fails is answered for and tried again, so Lambda counts no error of it; nine times in
 * ten the version before takes it then. Each fault is an ERROR line, with the version of who wrote it.
 */
function faultCount(own, stage, service, name) {
  return {
    Type: "AWS::Logs::MetricFilter",
    Properties: {
      LogGroupName: { Ref: `${own}LogGroup` },
      FilterPattern: '{ $.level = "ERROR" }',
      MetricTransformations: [
        {
          MetricNamespace: `Fanfold/${stage}`,
          MetricName: `${service}-${name}-faults`,
          MetricValue: "1",
          Unit: "Count",
          Dimensions: [{ Key: "Version", Value: "$.version" }],
        },
      ],
    },
  };
}

/** Of the new version alone: what the one before it does wrong is what a deploy may be there to mend. */
function canaryAlarm(own, version, stage, service, name) {
  const Version = { "Fn::GetAtt": [version, "Version"] };
  const resource = { "Fn::Join": [":", [{ Ref: `${own}LambdaFunction` }, "live"]] };
  const errors = [
    { Name: "FunctionName", Value: { Ref: `${own}LambdaFunction` } },
    { Name: "Resource", Value: resource },
    { Name: "ExecutedVersion", Value: Version },
  ];
  const sum = (Id, Namespace, MetricName, Dimensions) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: 60, Stat: "Sum" },
  });
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmName: `fanfold-${stage}-${service}-${name}-canary`,
      AlarmDescription: "The new version of the alias fails: its canary is rolled back. docs/runbook.md#canary",
      Metrics: [
        sum("errors", "AWS/Lambda", "Errors", errors),
        sum("faults", `Fanfold/${stage}`, `${service}-${name}-faults`, [{ Name: "Version", Value: Version }]),
        { Id: "both", Expression: "FILL(errors, 0) + FILL(faults, 0)", ReturnData: true },
      ],
      EvaluationPeriods: 1,
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
      AlarmActions: [{ "Fn::ImportValue": `fanfold-${stage}-AlarmTopicArn` }],
    },
  };
}

/** The alarm topic's reader, where the stage names one. */
async function alarmReader({ resolveConfigurationProperty: property }) {
  const address = await property(["custom", "stage", "alarmEmail"]);
  if (!address) return {};
  const Properties = { TopicArn: { Ref: "AlarmTopic" }, Protocol: "email", Endpoint: address };
  return { Resources: { AlarmReader: { Type: "AWS::SNS::Subscription", Properties } } };
}

const SIMULATED = "simulated";

/**
 * What execution knows of the keys of the stage's venue, where orders go to a real one: the name of the parameter into which
 * somebody puts them, and the statement that lets it read that. A SecureString costs nothing, and CloudFormation makes none.
 */
async function venueKeys({ resolveConfigurationProperty: property, resolveVariable }) {
  const venue = await property(["custom", "stage", "venue"]);
  const environment = await property(["custom", "environment"]);
  if (venue === SIMULATED) return { environment, statement: { Ref: "AWS::NoValue" } };
  const name = `/fanfold/${await resolveVariable("sls:stage")}/venue`;
  const Resource = { "Fn::Sub": `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${name}` };
  const statement = { Effect: "Allow", Action: ["ssm:GetParameter"], Resource };
  return { environment: { ...environment, VENUE_SECRET: name }, statement };
}

module.exports = { ephemeral, settings, logs, functions, alarmReader, venueKeys };
