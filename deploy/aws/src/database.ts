import { Duration, RemovalPolicy } from "aws-cdk-lib";
import {
  InstanceClass,
  InstanceSize,
  InstanceType,
  type SecurityGroup,
  SubnetType,
  type Vpc,
} from "aws-cdk-lib/aws-ec2";
import { Secret as ContainerSecret } from "aws-cdk-lib/aws-ecs";
import {
  CaCertificate,
  Credentials,
  DatabaseInstance,
  DatabaseInstanceEngine,
  DatabaseSecret,
  PostgresEngineVersion,
  StorageType,
} from "aws-cdk-lib/aws-rds";
import { Construct } from "constructs";

const NAME = "symphony";
/** The path in the image of the CA certificates that verify RDS. */
const CERTIFICATES = "/app/rds-certificates.pem";

export interface DatabaseProps {
  readonly vpc: Vpc;
  readonly securityGroup: SecurityGroup;
}

/** PostgreSQL, for the journal and the metadata. */
export class Database extends Construct {
  /** For `DATABASE_URL`, without user and password. */
  readonly url: string;
  /** The variables from which the driver reads user and password, so that no URL contains them. */
  readonly credentials: Readonly<Record<string, ContainerSecret>>;

  constructor(scope: Construct, id: string, { vpc, securityGroup }: DatabaseProps) {
    super(scope, id);
    const secret = new DatabaseSecret(this, "Secret", { username: NAME });
    const instance = new DatabaseInstance(this, "Postgres", {
      // The version that Symphony is tested with.
      engine: DatabaseInstanceEngine.postgres({ version: PostgresEngineVersion.VER_15 }),
      instanceType: InstanceType.of(InstanceClass.T4G, InstanceSize.SMALL),
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [securityGroup],
      databaseName: NAME,
      credentials: Credentials.fromSecret(secret),
      // Acknowledged updates are only in its journal until they are in a snapshot: losing a zone must
      // not lose them.
      multiAz: true,
      storageType: StorageType.GP3,
      allocatedStorage: 20,
      maxAllocatedStorage: 200,
      storageEncrypted: true,
      caCertificate: CaCertificate.RDS_CA_RSA2048_G1,
      backupRetention: Duration.days(7),
      deletionProtection: true,
      removalPolicy: RemovalPolicy.SNAPSHOT,
    });
    const { hostname, port } = instance.instanceEndpoint;
    this.url = `postgres://${hostname}:${port}/${NAME}?sslmode=verify-full&sslrootcert=${CERTIFICATES}`;
    this.credentials = {
      PGUSER: ContainerSecret.fromSecretsManager(secret, "username"),
      PGPASSWORD: ContainerSecret.fromSecretsManager(secret, "password"),
    };
  }
}
