// The comparator of one PE: its sum, shifted and saturated to a word, or zero where the word is below the threshold.
module comparator #(
    parameter WORD_BITS = 16,
    parameter SUM_BITS = 32
) (
    input  wire signed [SUM_BITS-1:0]  sum,
    input  wire [15:0]                 shift,
    input  wire                        activation, // else every word passes
    input  wire signed [WORD_BITS-1:0] threshold,
    output wire [WORD_BITS-1:0]        word
);
    wire signed [SUM_BITS-1:0] scaled = sum >>> shift;
    wire fits = scaled[SUM_BITS-1:WORD_BITS-1] == {SUM_BITS-WORD_BITS+1{scaled[SUM_BITS-1]}};
    wire signed [WORD_BITS-1:0] value = fits ? scaled[WORD_BITS-1:0]
        : {scaled[SUM_BITS-1], {WORD_BITS-1{!scaled[SUM_BITS-1]}}};
    assign word = !activation || value >= threshold ? value : {WORD_BITS{1'b0}};
endmodule
