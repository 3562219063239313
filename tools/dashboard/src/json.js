// JSON whose numbers keep every digit they came with.
export { parse, stringify, LosslessNumber, isLosslessNumber } from "lossless-json";
