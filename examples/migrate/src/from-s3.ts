import { required, textOf } from "./options.ts";
import { run } from "./program.ts";
import { S3Source } from "./sources/s3.ts";

await run({
  help: `node src/from-s3.ts --bucket NAME [options]

Brings documents that are objects in S3, an encoded Yjs update each, to a running Symphony. Region,
endpoint and credentials come from AWS_REGION, AWS_ENDPOINT_URL_S3, AWS_ACCESS_KEY_ID, …

  --bucket NAME    the bucket
  --prefix TEXT    read only keys that begin like this; it is no part of the room's name
  --suffix TEXT    read only keys that end like this, such as .bin; it is no part of the room's name
  --decode         what is between them is percent-encoded
  --v2             the objects are of Yjs' update format V2
  --path-style     the bucket is in the path of URLs: for Ceph, MinIO and the like
`,
  options: {
    bucket: { type: "string" },
    prefix: { type: "string", default: "" },
    suffix: { type: "string", default: "" },
    decode: { type: "boolean", default: false },
    v2: { type: "boolean", default: false },
    "path-style": { type: "boolean", default: false },
  },
  open: async (values) =>
    new S3Source({
      bucket: required(values, "bucket"),
      prefix: textOf(values, "prefix") ?? "",
      suffix: textOf(values, "suffix") ?? "",
      decode: values.decode === true,
      v2: values.v2 === true,
      pathStyle: values["path-style"] === true,
    }),
});
