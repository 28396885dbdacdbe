// One processing element: its scratchpad (two weight banks with a word of norm each, the partial sums) and its MAC.
//
// A MAC reads a weight and a partial sum, and writes the sum back, in one clock. The first pass of a sum starts from
// the norm in its first clock, whether or not a word comes with it: a pass in which everything is zero multiplies
// nothing, but its sums still begin.
module pe #(
    parameter WORD_BITS = 16,
    parameter SUM_BITS = 32,
    parameter BANK_WORDS = 9,
    parameter SUMS = 2,
    parameter LANES = 1,
    parameter COLUMN = 0
) (
    input  wire                       clock,
    // The weight network: up to LANES words a clock; a word is this PE's if the column matches.
    input  wire [LANES-1:0]           lane_valid,
    input  wire [LANES*16-1:0]        lane_column,
    input  wire [LANES*16-1:0]        lane_address,  // BANK_WORDS: the norm
    input  wire [LANES*WORD_BITS-1:0] lane_word,
    input  wire                       fill_bank,
    // The activation network: one word and its tap a clock, the same for all columns of a row.
    input  wire                       begin_sum,
    input  wire                       mac,
    input  wire                       mac_bank,
    input  wire [15:0]                tap,
    input  wire signed [WORD_BITS-1:0] value,
    input  wire [15:0]                sum_index,
    // The drain reads the sums that nobody adds to.
    input  wire                       draining,
    input  wire [15:0]                drain_index,
    output wire signed [SUM_BITS-1:0] drained
);
    reg signed [WORD_BITS-1:0] weights [0:2*BANK_WORDS-1];
    reg signed [WORD_BITS-1:0] norms [0:1];
    reg signed [SUM_BITS-1:0] sums [0:SUMS-1];

    wire [15:0] weight_index = tap + (mac_bank ? BANK_WORDS : 0);
    wire signed [WORD_BITS-1:0] weight = weights[weight_index];
    wire signed [WORD_BITS-1:0] norm = norms[mac_bank];
    wire signed [2*WORD_BITS-1:0] product = weight * value;
    wire signed [SUM_BITS-1:0] held = sums[sum_index];
    wire signed [SUM_BITS-1:0] start = norm;
    wire signed [SUM_BITS-1:0] addend = product;
    wire signed [SUM_BITS-1:0] base = begin_sum ? start : held;

    // While nothing is drained the comparator's gates rest.
    assign drained = draining ? sums[drain_index] : {SUM_BITS{1'b0}};

    integer lane;
    always @(posedge clock) begin
        if (|lane_valid) for (lane = 0; lane < LANES; lane = lane + 1)
            if (lane_valid[lane] && lane_column[lane*16 +: 16] == COLUMN) begin
                if (lane_address[lane*16 +: 16] == BANK_WORDS)
                    norms[fill_bank] <= lane_word[lane*WORD_BITS +: WORD_BITS];
                else
                    weights[lane_address[lane*16 +: 16] + (fill_bank ? BANK_WORDS : 0)]
                        <= lane_word[lane*WORD_BITS +: WORD_BITS];
            end
        if (mac)
            sums[sum_index] <= base + addend;
        else if (begin_sum)
            sums[sum_index] <= start;
    end
endmodule
