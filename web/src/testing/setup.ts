/** What every test needs before it starts. */
import "@testing-library/jest-dom/vitest";
