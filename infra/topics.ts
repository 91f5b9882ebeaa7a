import type { Config } from "../lib/config/schema.ts";
import type { Statement } from "./statement.ts";

/** The right to do that with the topics that are told, but those of another service that speaks SNS. */
export function topicStatements(
  { notifications }: Config,
  action: "sns:Publish" | "sns:GetTopicAttributes",
): readonly Statement[] {
  const topics = Object.values(notifications).flatMap((options) =>
    options.type === "sns" && options.endpoint === undefined ? options.topic_arn : [],
  );
  if (topics.length === 0) return [];
  return [{ Effect: "Allow", Action: [action], Resource: [...new Set(topics)].sort() }];
}
