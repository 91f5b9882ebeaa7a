import { MetricsError } from "../errors.ts";
import type { RequestFaults } from "../outside-request.ts";

export const requestFaults: RequestFaults = {
  unreachable: "METRICS_UNREACHABLE",
  unusable: (message) => new MetricsError("METRICS_UNREACHABLE", message),
  refused: (message) => new MetricsError("METRICS_REFUSED", message),
};
