import * as z from "zod";

const usd = z.number().nonnegative();

/** What AWS asks, in US dollars, without free tiers and discounts. A file of `plan --prices` may give other values for any of it. */
export const pricesSchema = z.strictObject({
  asOf: z.string().default("2026-03"),
  region: z.string().default("us-east-1"),
  lambda_request: usd.default(0.2e-6).describe("https://aws.amazon.com/lambda/pricing/"),
  lambda_gb_second: usd.default(0.0000133334).describe("arm64; https://aws.amazon.com/lambda/pricing/"),
  state_transition: usd.default(0.025e-3).describe("standard; https://aws.amazon.com/step-functions/pricing/"),
  fargate_vcpu_hour: usd.default(0.04048).describe("x86; https://aws.amazon.com/fargate/pricing/"),
  fargate_gb_hour: usd.default(0.004445).describe("x86; https://aws.amazon.com/fargate/pricing/"),
  s3_gb_month: usd.default(0.023).describe("Standard, first 50 TB; https://aws.amazon.com/s3/pricing/"),
  s3_write: usd.default(0.005e-3).describe("PUT, COPY, POST, LIST; https://aws.amazon.com/s3/pricing/"),
  s3_read: usd.default(0.0004e-3).describe("GET and all others; https://aws.amazon.com/s3/pricing/"),
  egress_gb: usd.default(0.09).describe("to the internet, first 10 TB; https://aws.amazon.com/ec2/pricing/on-demand/"),
  event: usd.default(1e-6).describe("custom events and schedules; https://aws.amazon.com/eventbridge/pricing/"),
  log_gb: usd.default(0.5).describe("ingested; https://aws.amazon.com/cloudwatch/pricing/"),
  trace: usd.default(5e-6).describe("recorded; https://aws.amazon.com/xray/pricing/"),
  alarm_month: usd.default(0.1).describe("https://aws.amazon.com/cloudwatch/pricing/"),
  metric_month: usd.default(0.3).describe("first 10,000; https://aws.amazon.com/cloudwatch/pricing/"),
  machine_hour: usd.default(0.0168).describe("t4g.small; https://aws.amazon.com/ec2/pricing/on-demand/"),
  machine_disk_gb_month: usd.default(0.08).describe("gp3; https://aws.amazon.com/ebs/pricing/"),
  machine_address_hour: usd.default(0.005).describe("public IPv4; https://aws.amazon.com/vpc/pricing/"),
});

export type Prices = Readonly<z.infer<typeof pricesSchema>>;

export const prices: Prices = pricesSchema.parse({});
