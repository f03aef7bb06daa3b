// A canary of a function that a queue feeds: a version of it as it is now, an alias that moves to the version by a tenth first,
// and what stops it. A tenth of what the API and the schedules ask is too little to tell a bad version by.
const { createHash } = require("node:crypto");
const { allow, arn, bounded, functionArn, imported, logical, policy } = require("./stack.cjs");

/** Those of the functions that the stack lists in `canary`: resources, and what the tool's own have besides. */
async function canaries({ resolveConfigurationProperty: property }, about) {
  const { stage, params: { name: service }, functions, custom: { canary: names } } = about;
  const provider = await property(["provider"]);
  const Resources = canaryApplication(names, about, service), extensions = {};
  for (const name of names) {
    Object.assign(Resources, canary(name, versioned(functions[name], provider), stage, service));
    const alias = { FunctionName: { Ref: `${logical(name)}Alias` } };
    extensions[`${logical(name)}EventSourceMappingSQSQueue`] = { Properties: alias };
  }
  return { Resources, extensions };
}

function canaryApplication(names, about, service) {
  const { stage } = about;
  const Condition = {
    StringEquals: { "aws:SourceAccount": { Ref: "AWS::AccountId" } },
    ArnLike: { "aws:SourceArn": arn("codedeploy", `deploymentgroup:fanfold-${stage}-${service}/*`) },
  };
  const Principal = { Service: "codedeploy.amazonaws.com" };
  const arns = names.map(functionArn);
  const versions = arns.map((own) => ({ "Fn::Join": [":", [own, "*"]] }));
  const shift = allow(["lambda:GetAlias", "lambda:UpdateAlias"], [...arns, ...versions]);
  const watch = allow(["cloudwatch:DescribeAlarms"], arn("cloudwatch", "alarm:*"));
  const Properties = {
    AssumeRolePolicyDocument: policy({ Effect: "Allow", Action: "sts:AssumeRole", Principal, Condition }),
    Policies: [{ PolicyName: "shift", PolicyDocument: policy(shift, watch) }],
  };
  return {
    CanaryApplication: {
      Type: "AWS::CodeDeploy::Application",
      Properties: { ApplicationName: `fanfold-${stage}-${service}`, ComputePlatform: "Lambda" },
    },
    CanaryRole: bounded({ Type: "AWS::IAM::Role", Properties }, about),
  };
}

/** What Lambda makes a version of, and no more: it makes none where only tags, retention or triggers differ. */
function versioned(declared, provider) {
  const { image, role, tracing = provider.tracing.lambda, memorySize, timeout, environment } = declared;
  const own = { memorySize: memorySize ?? provider.memorySize, timeout: timeout ?? provider.timeout };
  const settings = { ...provider.environment, ...environment };
  return [image, { "Fn::GetAtt": [role, "Arn"] }, tracing, own, settings, provider.architecture, provider.logs.lambda];
}

function canary(name, described, stage, service) {
  const own = logical(name);
  // A version is a snapshot: a new image or setting has to be a new one, or the alias would stay where it is.
  const version = `${own}Version${createHash("sha256").update(JSON.stringify(described)).digest("hex").slice(0, 16)}`;
  const group = `${own}Canary`;
  const shift = { ApplicationName: { Ref: "CanaryApplication" }, DeploymentGroupName: { Ref: group } };
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
      UpdatePolicy: { CodeDeployLambdaAliasUpdate: shift },
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
  const Ref = `${own}LambdaFunction`;
  const errors = [
    { Name: "FunctionName", Value: { Ref } },
    { Name: "Resource", Value: { "Fn::Join": [":", [{ Ref }, "live"]] } },
    { Name: "ExecutedVersion", Value: Version },
  ];
  const sum = (Id, Namespace, MetricName, Dimensions) =>
    ({ Id, ReturnData: false, MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period: 60, Stat: "Sum" } });
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
      AlarmActions: [imported(stage, "AlarmTopicArn")],
    },
  };
}

module.exports = { canaries };
