// Of the page's stack: which paths CloudFront hands to the HTTP API, and what the page may load and ask.
const paths = require("./page_paths.json");

const FILES = ["'self'"];

/** What the page may load: its own files. It asks its own origin, and those of the sign-in. */
async function contentPolicy() {
  const issuer = process.env.FANFOLD_JWT_ISSUER || "https://accounts.google.com";
  const more = (process.env.FANFOLD_SIGN_IN_ORIGINS || "").split(" ").filter(Boolean);
  const origins = [...FILES, ...new Set([issuer, ...more].map((url) => new URL(url).origin))];
  const allowed = { "default-src": ["'none'"], "script-src": FILES, "style-src": FILES, "img-src": ["data:"], "connect-src": origins };
  const denied = ["base-uri", "form-action", "frame-ancestors"].map((name) => `${name} 'none'`);
  return [...Object.entries(allowed).map(([name, sources]) => `${name} ${sources.join(" ")}`), ...denied].join("; ");
}

/** A behaviour for each path of the API that the page asks: not cached, and with the reader's token. */
async function behaviours({ resolveConfigurationProperty: property }) {
  const { uncached, wholeRequest } = await property(["custom"]);
  const common = {
    TargetOriginId: "api",
    CachePolicyId: uncached,
    OriginRequestPolicyId: wholeRequest,
    ResponseHeadersPolicyId: { Ref: "Headers" },
    ViewerProtocolPolicy: "https-only",
    Compress: true,
  };
  const read = ["GET", "HEAD"];
  const every = [...read, "OPTIONS", "PUT", "POST", "PATCH", "DELETE"];
  return [
    ...paths.read.map((PathPattern) => ({ PathPattern, AllowedMethods: read, ...common })),
    ...paths.command.map((PathPattern) => ({ PathPattern, AllowedMethods: every, ...common })),
  ];
}

module.exports = { behaviours, contentPolicy };
