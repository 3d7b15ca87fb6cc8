"""Policies, tags and patterns that the cases of types are made of."""

from __future__ import annotations

from .conftest import ACCOUNT

TAGS = [{"Key": "team", "Value": "a"}]
OTHER_TAGS = [{"Key": "cost", "Value": "b"}]
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
OPEN = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Read", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
MINE = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Own", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
WIDER = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Own", "Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    ],
}
KEYS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}
LOGGED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "logging.s3.amazonaws.com"},
            "Action": "s3:PutObject",
            "Resource": "arn:aws:s3:::prepared-for-types-logs/*",
        }
    ],
}
PATTERN = {"source": ["aws.sagemaker"], "detail": {"a": [{"prefix": "x"}]}}
COLUMNS = [{"Name": "a", "Type": "string"}, {"Name": "b", "Type": "int"}]
