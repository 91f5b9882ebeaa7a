import * as z from "zod";

/** Of a price that was read nowhere: it is what AWS is known to ask. */
const UNCONFIRMED = "unconfirmed";

const usd = z.number().nonnegative();

/**
 * What AWS asks, in US dollars, without free tiers and discounts: of what, the page where it was read, and of when that page
 * is; those of AWS itself were read in March 2026.
 * A file of `plan --prices` may give other values for any of it.
 */
export const pricesSchema = z.strictObject({
  asOf: z.string().default("2026-03"),
  region: z.string().default("us-east-1"),
  lambda_request: usd.default(0.2e-6).describe("https://aws.amazon.com/lambda/pricing/, 2026-03"),
  lambda_gb_second: usd.default(0.0000133334).describe("arm64; https://aws.amazon.com/lambda/pricing/, 2026-03"),
  state_transition: usd.default(0.025e-3).describe("standard; https://aws.amazon.com/step-functions/pricing/, 2026-03"),
  fargate_vcpu_hour: usd.default(0.04048).describe("x86; https://aws.amazon.com/fargate/pricing/, 2026-03"),
  fargate_gb_hour: usd.default(0.004445).describe("x86; https://aws.amazon.com/fargate/pricing/, 2026-03"),
  s3_gb_month: usd.default(0.023).describe("Standard, first 50 TB; https://aws.amazon.com/s3/pricing/, 2026-03"),
  s3_write: usd.default(0.005e-3).describe("PUT, COPY, POST, LIST; https://aws.amazon.com/s3/pricing/, 2026-03"),
  s3_read: usd.default(0.0004e-3).describe("GET and all others; https://aws.amazon.com/s3/pricing/, 2026-03"),
  egress_gb: usd
    .default(0.09)
    .describe("to the internet, first 10 TB; https://leanopstech.com/blog/aws-data-transfer-pricing-2026/, 2026-04"),
  event: usd
    .default(1e-6)
    .describe("custom events and schedules; https://cloudburn.io/blog/amazon-eventbridge-pricing, 2026-03"),
  log_gb: usd
    .default(0.5)
    .describe(
      "ingested; https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/, 2026-06",
    ),
  trace: usd.default(5e-6).describe("recorded; https://awsnegotiations.com/x-ray-pricing-strategy.html, 2026"),
  alarm_month: usd
    .default(0.1)
    .describe("standard resolution; https://c3x.dev/resources/aws/aws_cloudwatch_metric_alarm, 2026"),
  dashboard_month: usd
    .default(3)
    .describe(
      "beyond an account's first three; https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/, 2026-06",
    ),
  metric_month: usd.default(0.3).describe("first 10,000; https://signoz.io/guides/cloudwatch-pricing, 2026-02"),
  machine_hour: usd.default(0.0168).describe(`t4g.small; ${UNCONFIRMED}`),
  machine_disk_gb_month: usd
    .default(0.08)
    .describe("gp3; https://www.saisci.com/aws/gp2-vs-gp3-cost-comparison-ebs-volumes/, 2021-02"),
  machine_address_hour: usd
    .default(0.005)
    .describe("public IPv4; https://vishalvyas.com/understand-aws-public-ipv4-address-usage-and-pricing/, 2024-02"),
});

export type Prices = Readonly<z.infer<typeof pricesSchema>>;

export const prices: Prices = pricesSchema.parse({});

/** The names of prices that no page was found for. */
export const unconfirmedPrices: readonly string[] = Object.entries(pricesSchema.shape)
  .filter(([, price]) => price.description?.endsWith(UNCONFIRMED))
  .map(([name]) => name);
