"""Cases of types: networks. New, then changed; {…} are prepared."""

from __future__ import annotations

from typing import Any

from .conftest import REGION
from .type_documents import OPEN, OTHER_TAGS, TAGS

CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "AWS::EC2::FlowLog": (
        {
            "ResourceId": "{vpc}",
            "ResourceType": "VPC",
            "TrafficType": "REJECT",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::{bucket}",
            "MaxAggregationInterval": 60,
            "Tags": TAGS,
        },
        {"Tags": OTHER_TAGS},
    ),
    "AWS::EC2::RouteTable": ({"VpcId": "{vpc}", "Tags": TAGS}, {"VpcId": "{vpc}", "Tags": OTHER_TAGS}),
    "AWS::EC2::SecurityGroup": (
        {
            "GroupName": "{unique}",
            "GroupDescription": "d",
            "VpcId": "{vpc}",
            "SecurityGroupIngress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "SourceSecurityGroupId": "{group}",
                    "Description": "x",
                }
            ],
            "SecurityGroupEgress": [
                {
                    "IpProtocol": "tcp",
                    "FromPort": 443,
                    "ToPort": 443,
                    "CidrIp": "10.0.0.0/8",
                    "Description": "y",
                }
            ],
            "Tags": TAGS,
        },
        {
            "GroupName": "{unique}",
            "GroupDescription": "d",
            "VpcId": "{vpc}",
            "SecurityGroupEgress": [
                {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "10.1.0.0/16"}
            ],
            "Tags": OTHER_TAGS,
        },
    ),
    "AWS::EC2::Subnet": (
        {
            "VpcId": "{vpc}",
            "CidrBlock": "10.9.1.0/24",
            "AvailabilityZone": f"{REGION}b",
            "MapPublicIpOnLaunch": True,
            "Tags": TAGS,
        },
        {"VpcId": "{vpc}", "CidrBlock": "10.9.1.0/24", "MapPublicIpOnLaunch": False, "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::SubnetRouteTableAssociation": ({"SubnetId": "{subnet}", "RouteTableId": "{routes}"}, {}),
    "AWS::EC2::VPC": (
        {
            "CidrBlock": "10.8.0.0/16",
            "EnableDnsHostnames": "true",
            "EnableDnsSupport": True,
            "InstanceTenancy": "default",
            "Tags": TAGS,
        },
        {"CidrBlock": "10.8.0.0/16", "EnableDnsSupport": False, "Tags": OTHER_TAGS},
    ),
    "AWS::EC2::VPCEndpoint": (
        {
            "VpcId": "{vpc}",
            "ServiceName": f"com.amazonaws.{REGION}.sagemaker.api",
            "VpcEndpointType": "Interface",
            "SubnetIds": ["{subnet}"],
            "SecurityGroupIds": ["{group}"],
            "PrivateDnsEnabled": True,
            "PolicyDocument": OPEN,
            "Tags": TAGS,
        },
        {
            "VpcId": "{vpc}",
            "ServiceName": f"com.amazonaws.{REGION}.sagemaker.api",
            "VpcEndpointType": "Interface",
            "SubnetIds": ["{subnet}"],
            "SecurityGroupIds": ["{group}"],
            "PrivateDnsEnabled": True,
            "PolicyDocument": {**OPEN, "Id": "other"},
            "Tags": OTHER_TAGS,
        },
    ),
}
