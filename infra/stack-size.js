/** The framework's hook into infra/stack-size.ts: what CloudFormation would refuse is refused before anything is uploaded. */
export default class StackSizePlugin {
  constructor(serverless) {
    this.hooks = {
      "after:aws:package:finalize:mergeCustomProviderResources": async () => {
        const { checkStackSize } = await import("./stack-size.ts");
        checkStackSize(serverless.service.provider.compiledCloudFormationTemplate);
      },
    };
  }
}
