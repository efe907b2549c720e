import type { Logger } from "pino";
import type { Config } from "../config/config.ts";

/**
 * Creates whatever is missing in the configured services: the DynamoDB table, the bucket, the database
 * tables. May be called any number of times, by any number of servers at once.
 *
 * @throws RegistryError, StorageError
 */
export async function setUp(config: Config, logger: Logger): Promise<void> {
  const { DYNAMODB_TABLE, S3_BUCKET, DATABASE_URL } = config;
  if (DYNAMODB_TABLE !== undefined) {
    const { createRegistryTable } = await import("../replication/dynamodb/create-table.ts");
    await createRegistryTable(DYNAMODB_TABLE);
    logger.info({ table: DYNAMODB_TABLE }, "the registry table exists");
  }
  if (S3_BUCKET !== undefined) {
    const { createBucket } = await import("../storage/s3/create-bucket.ts");
    await createBucket(S3_BUCKET, { forcePathStyle: config.S3_FORCE_PATH_STYLE });
    logger.info({ bucket: S3_BUCKET }, "the bucket exists");
  }
  if (DATABASE_URL !== undefined) {
    const { openPostgresStore } = await import("../storage/postgres/open.ts");
    await (await openPostgresStore(DATABASE_URL, logger)).close();
    logger.info("the database tables exist");
  }
}
