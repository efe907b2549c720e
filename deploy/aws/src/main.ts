import { App, BootstraplessSynthesizer } from "aws-cdk-lib";
import { readSettings } from "./settings.ts";
import { SymphonyStack } from "./symphony-stack.ts";

// There are no assets to upload, so the template can be deployed as it is.
const app = new App({ outdir: process.env.CDK_OUTDIR ?? "cdk.out", analyticsReporting: false });
new SymphonyStack(app, "Symphony", {
  synthesizer: new BootstraplessSynthesizer(),
  settings: readSettings(app.node),
});
app.synth();
