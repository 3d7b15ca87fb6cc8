"""Cases of types: what holds data, images, parameters and packages. New, then changed; {…} are prepared."""

from __future__ import annotations

from typing import Any

from .conftest import ACCOUNT
from .type_documents import COLUMNS, OPEN, OTHER_TAGS, TAGS

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::CodeCommit::Repository": (
        {"RepositoryName": "{unique}", "RepositoryDescription": "d", "Tags": TAGS},
        {"RepositoryName": "{unique}", "RepositoryDescription": "e", "Tags": OTHER_TAGS},
    ),
    "AWS::ECR::Repository": (
        {
            "RepositoryName": "{unique}",
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "EncryptionConfiguration": {"EncryptionType": "KMS", "KmsKey": "{key}"},
            "LifecyclePolicy": {
                "LifecyclePolicyText": '{"rules": [{"rulePriority": 1, "selection": {"tagStatus": '
                '"untagged", "countType": "imageCountMoreThan", "countNumber": 3}, '
                '"action": {"type": "expire"}}]}'
            },
            "RepositoryPolicyText": OPEN,
            "Tags": TAGS,
        },
        {"RepositoryName": "{unique}", "ImageTagMutability": "MUTABLE", "Tags": OTHER_TAGS},
    ),
    "AWS::Glue::Database": (
        {
            "CatalogId": ACCOUNT,
            "DatabaseInput": {
                "Name": "{unique}",
                "Description": "d",
                "LocationUri": "s3://b/",
                "Parameters": {"a": "1"},
            },
        },
        {"CatalogId": ACCOUNT, "DatabaseInput": {"Name": "{unique}", "Description": "e"}},
    ),
    "AWS::Glue::Table": (
        {
            "CatalogId": ACCOUNT,
            "DatabaseName": "{database}",
            "TableInput": {
                "Name": "{unique}",
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"projection.enabled": "true"},
                "PartitionKeys": [{"Name": "day", "Type": "string"}],
                "StorageDescriptor": {
                    "Location": "s3://b/",
                    "InputFormat": "i",
                    "OutputFormat": "o",
                    "SerdeInfo": {"SerializationLibrary": "s"},
                    "Columns": COLUMNS,
                },
            },
        },
        {
            "CatalogId": ACCOUNT,
            "DatabaseName": "{database}",
            "TableInput": {"Name": "{unique}", "TableType": "EXTERNAL_TABLE", "Parameters": {"a": "b"}},
        },
    ),
    "AWS::S3::Bucket": (
        {
            "BucketName": "{unique}",
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [
                    {
                        "BucketKeyEnabled": True,
                        "ServerSideEncryptionByDefault": {
                            "SSEAlgorithm": "aws:kms",
                            "KMSMasterKeyID": "{key_arn}",
                        },
                    }
                ]
            },
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "old",
                        "Status": "Enabled",
                        "Prefix": "datasets/",
                        "ExpirationInDays": 30,
                        "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 5}],
                    },
                    {
                        "Id": "versions",
                        "Status": "Disabled",
                        "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                        "NoncurrentVersionTransitions": [{"StorageClass": "GLACIER", "TransitionInDays": 3}],
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
                    },
                    {"Id": "tagged", "Status": "Enabled", "ExpirationInDays": 2, "TagFilters": TAGS},
                    {"Id": "markers", "Status": "Enabled", "ExpiredObjectDeleteMarker": True, "Prefix": "a/"},
                ]
            },
            "ObjectLockEnabled": True,
            "ObjectLockConfiguration": {
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": "9"}},
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": "true",
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": False,
            },
            "VersioningConfiguration": {"Status": "Enabled"},
            "Tags": TAGS,
        },
        {
            "BucketName": "{unique}",
            "ObjectLockEnabled": True,
            "LoggingConfiguration": {"DestinationBucketName": "{bucket}-logs", "LogFilePrefix": "logs/"},
            "VersioningConfiguration": {"Status": "Enabled"},
        },
    ),
    "AWS::S3::BucketPolicy": (
        {"Bucket": "{bucket}", "PolicyDocument": OPEN},
        {"Bucket": "{bucket}", "PolicyDocument": {**OPEN, "Id": "other"}},
    ),
    "AWS::SSM::Parameter": (
        {
            "Name": "/shop/{unique}",
            "Type": "String",
            "Value": "a",
            "Description": "d",
            "Tier": "Standard",
            "DataType": "text",
            "AllowedPattern": ".*",
            "Tags": {"team": "a"},
        },
        {
            "Name": "/shop/{unique}",
            "Type": "String",
            "Value": "b",
            "Description": "e",
            "Tags": {"cost": "b"},
        },
    ),
    "AWS::SageMaker::ModelPackageGroup": (
        {
            "ModelPackageGroupName": "{unique}",
            "ModelPackageGroupDescription": "d",
            "ModelPackageGroupPolicy": OPEN,
            "Tags": TAGS,
        },
        {"ModelPackageGroupName": "{unique}", "ModelPackageGroupDescription": "d", "Tags": OTHER_TAGS},
    ),
}
