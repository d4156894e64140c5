/** Lint rules, and who may import whom: lib and api <- components <- features <- app; no feature imports another. */
import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import globals from "globals";
import ts from "typescript-eslint";

const features = ["dashboard", "products", "sync"];

/** Forbids importing the named folders of src. */
const forbid = (folders, reason) => ({
  "no-restricted-imports": [
    "error",
    {
      patterns: [
        { group: ["../**"], message: "Import by '@/...', so that a line shows which room it reaches into." },
        ...(folders.length > 0 ? [{ group: folders.map((folder) => `@/${folder}/**`), message: reason }] : []),
      ],
    },
  ],
});

export default ts.config(
  { ignores: ["dist", "src/api/schema.gen.ts", "node_modules"] },
  js.configs.recommended,
  ...ts.configs.strictTypeChecked,
  ...ts.configs.stylisticTypeChecked,
  a11y.flatConfigs.strict,
  hooks.configs.flat["recommended-latest"],
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: { projectService: { allowDefaultProject: ["eslint.config.js", "scripts/*.mjs"] } },
    },
    rules: {
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Roles are written out where CSS takes a table's semantics away.
      "jsx-a11y/no-redundant-roles": "off",
      "jsx-a11y/no-interactive-element-to-noninteractive-role": "off",
      // A region that scrolls must be reachable with the keyboard.
      "jsx-a11y/no-noninteractive-tabindex": ["error", { roles: ["region", "tabpanel"], tags: ["pre"] }],
    },
  },
  {
    files: ["eslint.config.js", "scripts/**"],
    extends: [ts.configs.disableTypeChecked],
    languageOptions: { globals: globals.node },
  },
  {
    files: ["src/lib/**", "src/i18n/**"],
    rules: forbid(["api", "components", "features", "app"], "lib and i18n stand below everything."),
  },
  { files: ["src/api/**"], rules: forbid(["components", "features", "app"], "The API client knows no component.") },
  { files: ["src/components/**"], rules: forbid(["features", "app"], "A shared component knows no feature.") },
  ...features.map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: forbid(
      ["app", ...features.filter((other) => other !== feature).map((other) => `features/${other}`)],
      "A feature imports shared code only, never the app or a sibling.",
    ),
  })),
  { files: ["src/app/**"], rules: forbid([], "") },
  {
    files: ["**/*.test.{ts,tsx}", "src/testing/**"],
    rules: { "no-restricted-imports": "off", "@typescript-eslint/no-non-null-assertion": "off" },
  },
);
