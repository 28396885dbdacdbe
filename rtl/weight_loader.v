// The weight loader: copies a block into the weight bank k mod 2 of all rows, LANES words a clock, LATENCY on the way.
//
// The words of a block come pair by pair, in each the columns of the tile; behind them, in the block of a first chunk,
// the norm of each column. A bank is free when all passes that use its last fill have ended.
module weight_loader #(
    parameter WORD_BITS = 16,
    parameter BANK_WORDS = 9,
    parameter LANES = 1,
    parameter LATENCY = 1
) (
    input  wire                       clock,
    input  wire                       reset,
    // The next fill: held until fills_done moves on.
    input  wire                       fill_ready,  // there is one, and its block is in the cache
    input  wire [31:0]                fill_words,
    input  wire [15:0]                fill_width,
    input  wire [15:0]                fill_pairs,
    output wire [31:0]                word_offset,
    input  wire [LANES*WORD_BITS-1:0] words,
    input  wire [31:0]                fills_retired,
    output reg  [31:0]                fills_done,
    output wire                       fill_start,
    output wire [LANES-1:0]           lane_valid,
    output wire [LANES*16-1:0]        lane_column,
    output wire [LANES*16-1:0]        lane_address,
    output wire [LANES*WORD_BITS-1:0] lane_word,
    output wire                       fill_bank
);
    reg busy;
    reg [31:0] sent;
    reg [15:0] column, pair;

    assign fill_start = !busy && fill_ready && fills_done < fills_retired + 2;
    assign fill_bank = fills_done[0];
    wire active = fill_start || busy;
    wire [31:0] sent_now = fill_start ? 32'd0 : sent;
    assign word_offset = sent_now;

    reg [LANES-1:0] valid;
    reg [LANES*16-1:0] columns, addresses;
    reg [15:0] next_column, next_pair;
    integer lane;
    always @* begin
        next_column = fill_start ? 16'd0 : column;
        next_pair = fill_start ? 16'd0 : pair;
        valid = 0;
        columns = 0;
        addresses = 0;
        for (lane = 0; lane < LANES; lane = lane + 1) begin
            valid[lane] = active && sent_now + lane < fill_words;
            columns[lane*16 +: 16] = next_column;
            addresses[lane*16 +: 16] = next_pair == fill_pairs ? BANK_WORDS : next_pair;
            if (next_column + 16'd1 == fill_width) begin
                next_column = 0;
                next_pair = next_pair + 16'd1;
            end else
                next_column = next_column + 16'd1;
        end
    end

    // The last word's arrival ends the fill: it travels with the words.
    wire last_sent = active && sent_now < fill_words && sent_now + LANES >= fill_words;
    wire last_arrived;
    delay #(.WIDTH(1 + LANES * (33 + WORD_BITS)), .CYCLES(LATENCY)) network (
        .clock(clock),
        .reset(reset),
        .in({last_sent, valid, columns, addresses, words}),
        .out({last_arrived, lane_valid, lane_column, lane_address, lane_word})
    );

    always @(posedge clock)
        if (reset) begin
            busy <= 0;
            sent <= 0;
            column <= 0;
            pair <= 0;
            fills_done <= 0;
        end else if (active) begin
            busy <= !last_arrived;
            sent <= sent_now + LANES;
            column <= next_column;
            pair <= next_pair;
            if (last_arrived) fills_done <= fills_done + 1;
        end
endmodule
