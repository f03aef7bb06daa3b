"""Actions that AWS's registry names for a type, and that nothing in our stacks makes it use; by reason, and type."""

_LAKE_FORMATION = "lakeformation:CreateTable lakeformation:GetDataAccess"
_TABLE = "AWS::DynamoDB::Table"
_FUNCTION = "AWS::Lambda::Function"
_BUCKET = "AWS::S3::Bucket"

UNUSED: dict[str, dict[str, str]] = {
    "no API is made from a file": {"AWS::ApiGatewayV2::Api": "s3:getObject"},
    "the authoriser is of tokens and the integrations are functions, which let the API in by a permission": {
        "AWS::ApiGatewayV2::Authorizer": "iam:PassRole",
        "AWS::ApiGatewayV2::Integration": "iam:PassRole",
    },
    "who asks a question writes its answer; the workgroup has no role, no notebook and no capacity of its own": {
        "AWS::Athena::WorkGroup": (
            "iam:CreateServiceLinkedRole iam:PassRole kms:Decrypt kms:GenerateDataKey s3:AbortMultipartUpload "
            "s3:GetBucketLocation s3:GetObject s3:ListBucket s3:ListBucketMultipartUploads "
            "s3:ListMultipartUploadParts s3:PutObject"
        ),
    },
    "what is deployed is functions": {"AWS::CodeDeploy::DeploymentGroup": "codedeploy:RegisterOnPremisesInstance"},
    "no table is imported, copied to another region, streamed or measured, or has a policy of its own": {
        _TABLE: (
            "dynamodb:AssociateTableReplica dynamodb:BatchWriteItem dynamodb:CreateTableReplica dynamodb:DeleteItem "
            "dynamodb:DeleteResourcePolicy dynamodb:DescribeImport dynamodb:DisableKinesisStreamingDestination "
            "dynamodb:EnableKinesisStreamingDestination dynamodb:GetItem dynamodb:ImportTable dynamodb:PutItem "
            "dynamodb:PutResourcePolicy dynamodb:Query dynamodb:Scan dynamodb:UpdateContributorInsights "
            "dynamodb:UpdateItem dynamodb:UpdateKinesisStreamingDestination iam:CreateServiceLinkedRole "
            "kinesis:DescribeStream kinesis:PutRecords logs:CreateLogGroup logs:CreateLogStream "
            "logs:DescribeLogGroups logs:DescribeLogStreams logs:PutLogEvents logs:PutRetentionPolicy s3:GetObject "
            "s3:GetObjectMetadata s3:ListBucket"
        ),
    },
    "a topic lets a rule in by its policy": {"AWS::Events::Rule": "iam:PassRole"},
    "the catalogue has no connections and no schemas apart from its tables": {
        "AWS::Glue::Database": (
            "glue:CreateConnection glue:DeleteConnection glue:GetConnection glue:PassConnection glue:UpdateConnection"
        ),
        "AWS::Glue::Table": "glue:GetSchemaVersion glue:PassConnection iam:PassRole s3:GetObject s3:PutObject",
    },
    "an account under Lake Formation has an administrator, who grants this and nobody else can": {
        "AWS::Glue::Table": _LAKE_FORMATION,
    },
    "a role has its own policies alone, always a boundary, and no description": {
        "AWS::IAM::Role": (
            "iam:AttachRolePolicy iam:DeleteRolePermissionsBoundary iam:DetachRolePolicy iam:ListRoleTags "
            "iam:UpdateRoleDescription"
        ),
    },
    "the key is never disabled, and always rotated": {
        "AWS::KMS::Key": "kms:DisableKey kms:DisableKeyRotation kms:EnableKey",
    },
    "no concurrency is provisioned or reserved": {
        "AWS::Lambda::Alias": "lambda:DeleteProvisionedConcurrencyConfig lambda:PutProvisionedConcurrencyConfig",
        "AWS::Lambda::Version": "lambda:PutFunctionScalingConfig lambda:PutProvisionedConcurrencyConfig",
        _FUNCTION: "lambda:DeleteFunctionConcurrency lambda:PutFunctionConcurrency lambda:PutFunctionScalingConfig",
    },
    "a function is an image: no network, file system, layer, signature, archive or runtime of Lambda's": {
        "AWS::Lambda::Version": "lambda:PutRuntimeManagementConfig",
        _FUNCTION: (
            "ec2:DescribeNetworkInterfaces ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs "
            "elasticfilesystem:DescribeMountTargets lambda:AssociateRuntimeAlias "
            "lambda:DeleteFunctionCodeSigningConfig lambda:GetCodeSigningConfig lambda:GetLayerVersion "
            "lambda:PassCapacityProvider lambda:PutFunctionCodeSigningConfig lambda:PutFunctionRecursionConfig "
            "lambda:PutRuntimeManagementConfig s3:GetObject s3:GetObjectVersion s3files:ListMountTargets"
        ),
    },
    "a log group has a key and an age, and nothing else": {
        "AWS::Logs::LogGroup": (
            "firehose:TagDeliveryStream logs:CreateLogDelivery logs:DeleteDataProtectionPolicy logs:DeleteIndexPolicy "
            "logs:DeleteResourcePolicy logs:PutBearerTokenAuthentication logs:PutDataProtectionPolicy "
            "logs:PutIndexPolicy logs:PutLogGroupDeletionProtection logs:PutResourcePolicy s3:REST.PUT.OBJECT"
        ),
    },
    "a bucket has encryption, a lifecycle, versions, a lock, an owner and tags, and nothing else": {
        _BUCKET: (
            "iam:PassRole s3:CreateBucketMetadataTableConfiguration s3:DeleteBucketAnalyticsConfiguration "
            "s3:DeleteBucketCors s3:DeleteBucketEncryption s3:DeleteBucketLifecycle "
            "s3:DeleteBucketMetadataTableConfiguration s3:DeleteBucketMetricsConfiguration "
            "s3:DeleteBucketReplication s3:DeleteBucketTagging s3:DeleteBucketWebsite s3:DeleteObject "
            "s3:PutAccelerateConfiguration s3:PutAnalyticsConfiguration s3:PutBucketAbac s3:PutBucketAcl "
            "s3:PutBucketCORS s3:PutBucketLogging s3:PutBucketNotification s3:PutBucketReplication "
            "s3:PutBucketWebsite s3:PutIntelligentTieringConfiguration s3:PutInventoryConfiguration "
            "s3:PutMetricsConfiguration s3:PutObjectAcl s3:PutObjectLockConfiguration s3:PutReplicationConfiguration "
            "s3:UpdateBucketMetadataAnnotationTableConfiguration "
            "s3:UpdateBucketMetadataInventoryTableConfiguration s3:UpdateBucketMetadataJournalTableConfiguration "
            "s3tables:CreateNamespace s3tables:CreateTable s3tables:CreateTableBucket s3tables:GetTable "
            "s3tables:GetTableMetadataLocation s3tables:PutTableBucketPolicy s3tables:PutTableEncryption "
            "s3tables:PutTablePolicy s3tables:UpdateTableMetadataLocation"
        ),
    },
    "a topic hands over to queues, without a role, and tells what it is told": {
        "AWS::SNS::Subscription": "iam:GetRole iam:PassRole",
        "AWS::SNS::Topic": "iam:GetRole iam:PassRole sns:PutDataProtectionPolicy",
    },
    "no secret is in two regions, and no deploy reads one": {
        "AWS::SecretsManager::Secret": (
            "secretsmanager:GetSecretValue secretsmanager:RemoveRegionsFromReplication "
            "secretsmanager:ReplicateSecretToRegions"
        ),
    },
    "a state machine's definition is in its template, and under AWS's own key": {
        "AWS::StepFunctions::StateMachine": (
            "kms:Decrypt kms:DescribeKey kms:GenerateDataKey s3:GetObject s3:GetObjectVersion"
        ),
    },
}
