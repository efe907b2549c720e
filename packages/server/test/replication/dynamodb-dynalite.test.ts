import { Dynalite } from "@symphony/services/dynamodb";
import { dynamoDbSuite } from "./dynamodb-suite.ts";

dynamoDbSuite("dynalite", new Dynalite());
