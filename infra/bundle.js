/** The framework's hook into infra/bundle.ts: functions are bundled whenever they are about to be packaged. */
export default class BundlePlugin {
  constructor(serverless, _options, { log }) {
    this.hooks = {
      "before:package:createDeploymentArtifacts": async () => {
        const { awsConfig } = await import("./aws-config.ts");
        const { bundleFunctions } = await import("./bundle.ts");
        const { efsMounts } = await import("./efs.ts");
        const { configFile, efs, image } = serverless.service.custom;
        const deployed = { mounts: efsMounts(efs), image };
        const { config } = await awsConfig(configFile, "the-bucket-of-the-stack", deployed);
        for (const { name, bytes } of await bundleFunctions(config))
          log.notice(`  ${name}: ${(bytes / 1024).toFixed(0)} KiB`);
      },
    };
  }
}
