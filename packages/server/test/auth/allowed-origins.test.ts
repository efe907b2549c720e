import { describe, expect, it } from "vitest";
import { AllowedOrigins } from "../../src/auth/allowed-origins.ts";

const allows = (setting: string | undefined, origin: string | undefined) =>
  new AllowedOrigins(setting).allows(origin);

describe("allowed origins", () => {
  it.each([
    [undefined, undefined, true],
    [undefined, "https://evil.example", true],
    [undefined, "null", true],
    ["https://example.com", undefined, true],
    ["https://example.com", "https://example.com", true],
    ["https://Example.com", "https://example.com", true],
    ["https://example.com", "http://example.com", false],
    ["https://example.com", "https://example.com:8443", false],
    ["https://example.com", "https://example.com.evil.example", false],
    ["https://example.com", "https://evilexample.com", false],
    ["https://example.com", "", false],
    ["https://example.com", "null", false],
    ["https://*.example.com", "https://app.example.com", true],
    ["https://*.example.com", "https://a.b.example.com", true],
    ["https://*.example.com", "https://example.com", false],
    ["https://*.example.com", "https://evilexample.com", false],
    ["https://*.example.com", "https://evil.example/.example.com", false],
    ["https://*.example.com", "https://evil.example?.example.com", false],
    ["https://*.example.com", "https://evil.example#.example.com", false],
    ["https://*.example.com", "https://evil.example\\.example.com", false],
    ["https://*.example.com", "https://a@b.example.com", false],
    ["https://*.example.com", "https://a.example.com, https://b.example.com", false],
    ["http://localhost:*", "http://localhost:3000", true],
    ["http://localhost:*", "http://localhost.evil.example:3000", false],
    ["https://a.example, https://b.example", "https://b.example", true],
    ["https://a.example,https://b.example", "https://c.example", false],
    ["capacitor://localhost", "capacitor://localhost", true],
    ["*", "https://any.example", true],
    ["*", "null", false],
    ["null", "null", true],
    ["file://", "file://", true],
    ["file://", "null", false],
    ["null, file://, ionic://localhost", "file://", true],
    ["null, file://, ionic://localhost", "ionic://localhost", true],
    ["*", "file://", false],
    ["https://example.com", "file://", false],
    [undefined, "file://", true],
    ["null", "https://any.example", false],
  ])("%j allows %j: %s", (setting, origin, expected) => {
    expect(allows(setting, origin)).toBe(expected);
  });

  it.each([
    "example.com",
    "https://example.com/",
    "https://example.com/path",
    "https://a.example,",
    "https://a.example https://b.example",
    "",
  ])("%j is not a list of origins", (setting) => {
    expect(() => new AllowedOrigins(setting)).toThrow(/^ALLOWED_ORIGINS: ".*" is not an origin/);
  });
});
