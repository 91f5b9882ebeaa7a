const PERIOD_SECONDS = 300;

/** One that tells the topic `Alarms`: of anything above 0 within five minutes, unless `metric` says otherwise. */
export function alarm(AlarmDescription: string, metric: Readonly<Record<string, unknown>>): unknown {
  return {
    Type: "AWS::CloudWatch::Alarm",
    Properties: {
      AlarmDescription,
      Period: PERIOD_SECONDS,
      EvaluationPeriods: 1,
      Threshold: 0,
      ComparisonOperator: "GreaterThanThreshold",
      TreatMissingData: "notBreaching",
      ...metric,
      AlarmActions: [{ Ref: "Alarms" }],
    },
  };
}
