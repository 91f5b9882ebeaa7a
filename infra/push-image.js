/** The framework's hook into infra/push-image.ts: the image of the tasks is there before the stack that names it. */
export default class PushImagePlugin {
  constructor(serverless, _options, { log }) {
    this.hooks = {
      "before:aws:deploy:deploy:updateStack": async () => {
        const { pushImage } = await import("./push-image.ts");
        const { compiledCloudFormationTemplate: template } = serverless.service.provider;
        await pushImage(template, serverless.getProvider("aws"), (text) => log.notice(text));
      },
    };
  }
}
