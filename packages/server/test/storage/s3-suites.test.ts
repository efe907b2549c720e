import { snapshotsSuite } from "../../src/conformance/snapshots-suite.ts";
import { openS3Snapshots } from "../../src/storage/s3/open.ts";
import { CEPH, useS3 } from "./s3-fixtures.ts";

const s3 = useS3();

snapshotsSuite("S3", async () => {
  const bucket = await s3.newBucket();
  return {
    open: async () => openS3Snapshots({ bucket, prefix: "rooms/", ...CEPH }),
    // The bucket is removed with the service.
    discard: async () => {},
  };
});
