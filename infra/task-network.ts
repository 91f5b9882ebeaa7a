import type { TaskOptions } from "./task-options.ts";

/** What the state machine says of a task's network. Texts, or what CloudFormation makes texts of. */
export interface TaskNetwork {
  readonly subnets: readonly unknown[];
  readonly securityGroups: readonly unknown[];
  readonly assignPublicIp: "ENABLED" | "DISABLED";
}

/** The network that was given, or one that the stack makes. */
export function networkOf({ subnets, securityGroups, assignPublicIp }: TaskOptions): TaskNetwork {
  if (subnets.length > 0) return { subnets, securityGroups, assignPublicIp };
  return {
    subnets: ZONES.map((zone) => ({ Ref: subnetId(zone) })),
    securityGroups: securityGroups.length > 0 ? securityGroups : [{ "Fn::GetAtt": ["TaskSecurityGroup", "GroupId"] }],
    assignPublicIp,
  };
}

const ZONES = [0, 1];
const subnetId = (zone: number): string => `TaskSubnet${zone}`;

/**
 * A network of the stack's own, where none was given: two subnets with a way out and none in. It has no NAT gateway, which
 * would cost more than the tasks, and its traffic to S3 does not leave AWS.
 */
export function networkResources(stack: string, { subnets }: TaskOptions): Record<string, unknown> {
  if (subnets.length > 0) return {};
  const Tags = [{ Key: "Name", Value: `${stack}-tasks` }];
  const VpcId = { Ref: "TaskVpc" };
  return {
    TaskVpc: {
      Type: "AWS::EC2::VPC",
      Properties: { CidrBlock: "10.224.0.0/24", EnableDnsSupport: true, EnableDnsHostnames: true, Tags },
    },
    TaskGateway: { Type: "AWS::EC2::InternetGateway", Properties: { Tags } },
    TaskGatewayAttachment: {
      Type: "AWS::EC2::VPCGatewayAttachment",
      Properties: { VpcId, InternetGatewayId: { Ref: "TaskGateway" } },
    },
    TaskRoutes: { Type: "AWS::EC2::RouteTable", Properties: { VpcId, Tags } },
    TaskWayOut: {
      Type: "AWS::EC2::Route",
      DependsOn: ["TaskGatewayAttachment"],
      Properties: {
        RouteTableId: { Ref: "TaskRoutes" },
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: { Ref: "TaskGateway" },
      },
    },
    ...Object.assign({}, ...ZONES.map((zone) => subnetResources(zone, Tags))),
    TaskS3Endpoint: {
      Type: "AWS::EC2::VPCEndpoint",
      Properties: {
        VpcId,
        VpcEndpointType: "Gateway",
        ServiceName: { "Fn::Sub": `com.amazonaws.\${AWS::Region}.s3` },
        RouteTableIds: [{ Ref: "TaskRoutes" }],
      },
    },
    TaskSecurityGroup: {
      Type: "AWS::EC2::SecurityGroup",
      Properties: {
        VpcId,
        GroupDescription: "core-backup: tasks may reach their sources, nobody may reach them",
        SecurityGroupEgress: [{ IpProtocol: "-1", CidrIp: "0.0.0.0/0", Description: "sources, S3, AWS" }],
        Tags,
      },
    },
  };
}

const subnetResources = (zone: number, Tags: readonly unknown[]): Record<string, unknown> => ({
  [subnetId(zone)]: {
    Type: "AWS::EC2::Subnet",
    Properties: {
      VpcId: { Ref: "TaskVpc" },
      CidrBlock: `10.224.0.${zone * 128}/25`,
      AvailabilityZone: { "Fn::Select": [zone, { "Fn::GetAZs": "" }] },
      MapPublicIpOnLaunch: false,
      Tags,
    },
  },
  [`${subnetId(zone)}Routes`]: {
    Type: "AWS::EC2::SubnetRouteTableAssociation",
    Properties: { SubnetId: { Ref: subnetId(zone) }, RouteTableId: { Ref: "TaskRoutes" } },
  },
});
