// The PE grid: ROWS positions x COLUMNS channels, and the control that starts one pass after the other.
//
// A pass starts in the clock in which everything it needs is there, multiplies in that very clock, and ends with a
// clock in which nothing is left to do: the swap of the banks.
module pe_grid #(
    parameter WORD_BITS = 16,
    parameter SUM_BITS = 32,
    parameter ROWS = 4,
    parameter COLUMNS = 2,
    parameter BANK_WORDS = 9,
    parameter PSUM_BANKS = 2,
    parameter SLOTS = 1,
    parameter WORDS = 4,
    parameter SKIPPING = 1,
    parameter LANES = 1
) (
    input  wire                             clock,
    input  wire                             reset,
    // The next pass: held until passes_done moves on.
    input  wire                             pass_ready,   // there is one, looked up, its activations in the cache
    input  wire                             new_fill,     // it is the first that uses the next fill
    input  wire                             retires_fill, // it is the last that uses its fill
    input  wire                             opens,        // it is the first of an accumulation
    input  wire                             begins,       // it runs the first chunk: sums start from the norm
    input  wire                             drains,       // it runs the last chunk: a drain job follows
    input  wire [15:0]                      slot,
    input  wire [15:0]                      pairs,        // (channel, tap) pairs of the chunk
    input  wire [ROWS*BANK_WORDS-1:0]       mask,
    output wire [ROWS*16-1:0]               taps,
    input  wire [ROWS*WORD_BITS-1:0]        values,
    // What the other parts have done, and what this one has.
    input  wire [31:0]                      fills_done,
    input  wire [31:0]                      accumulations_drained,
    output reg  [31:0]                      fills_retired,
    output reg  [31:0]                      jobs_opened,
    output reg  [31:0]                      passes_done,
    output wire                             pass_start,
    output wire                             pending,
    output wire [ROWS-1:0]                  sent,
    // The weight network.
    input  wire [LANES-1:0]                 lane_valid,
    input  wire [LANES*16-1:0]              lane_column,
    input  wire [LANES*16-1:0]              lane_address,
    input  wire [LANES*WORD_BITS-1:0]       lane_word,
    input  wire                             fill_bank,
    // The drain.
    input  wire                             draining,
    input  wire                             drain_bank,
    input  wire [15:0]                      drain_slot,
    input  wire                             activation,
    input  wire [15:0]                      shift,
    input  wire [ROWS*COLUMNS*WORD_BITS-1:0] thresholds,
    output wire [ROWS*COLUMNS*WORD_BITS-1:0] masked
);
    reg busy;
    reg [15:0] steps;
    reg [31:0] fills_used, accumulations_opened;

    wire filled = !new_fill || fills_done > fills_used;
    wire bank_free = !opens || accumulations_opened - accumulations_drained < PSUM_BANKS;
    assign pass_start = !busy && pass_ready && filled && bank_free;
    wire active = pass_start || busy;

    // Without skipping, a pass goes through all pairs of the chunk; a clock without a word is one of the others.
    wire [15:0] steps_now = pass_start ? 16'd0 : steps;
    wire working = pending || (SKIPPING == 0 && steps_now < pairs);

    activation_network #(.ROWS(ROWS), .BANK_WORDS(BANK_WORDS), .WORDS(WORDS), .SKIPPING(SKIPPING)) network (
        .clock(clock),
        .reset(reset),
        .load(pass_start),
        .mask(mask),
        .active(active),
        .pending(pending),
        .sent(sent),
        .taps(taps)
    );

    wire [31:0] fill_now = fills_used + (pass_start && new_fill ? 32'd1 : 32'd0);
    wire [31:0] accumulation_now = accumulations_opened + (pass_start && opens ? 32'd1 : 32'd0);
    // The counts are one ahead of the index.
    wire mac_bank = !fill_now[0];
    wire sum_bank = PSUM_BANKS == 2 && !accumulation_now[0];
    wire [15:0] sum_index = slot + (sum_bank ? SLOTS : 0);
    wire [15:0] drain_index = drain_slot + (drain_bank ? SLOTS : 0);

    genvar r, c;
    generate
        for (r = 0; r < ROWS; r = r + 1) begin : rows
            for (c = 0; c < COLUMNS; c = c + 1) begin : columns
                wire signed [SUM_BITS-1:0] drained;
                pe #(
                    .WORD_BITS(WORD_BITS), .SUM_BITS(SUM_BITS), .BANK_WORDS(BANK_WORDS),
                    .SUMS(PSUM_BANKS * SLOTS), .LANES(LANES), .COLUMN(c)
                ) element (
                    .clock(clock),
                    .lane_valid(lane_valid),
                    .lane_column(lane_column),
                    .lane_address(lane_address),
                    .lane_word(lane_word),
                    .fill_bank(fill_bank),
                    .begin_sum(pass_start && begins),
                    .mac(active && sent[r]),
                    .mac_bank(mac_bank),
                    .tap(taps[r*16 +: 16]),
                    .value(values[r*WORD_BITS +: WORD_BITS]),
                    .sum_index(sum_index),
                    .draining(draining),
                    .drain_index(drain_index),
                    .drained(drained)
                );
                comparator #(.WORD_BITS(WORD_BITS), .SUM_BITS(SUM_BITS)) unit (
                    .sum(drained),
                    .shift(shift),
                    .activation(activation),
                    .threshold(thresholds[(r*COLUMNS + c)*WORD_BITS +: WORD_BITS]),
                    .word(masked[(r*COLUMNS + c)*WORD_BITS +: WORD_BITS])
                );
            end
        end
    endgenerate

    always @(posedge clock)
        if (reset) begin
            busy <= 0;
            steps <= 0;
            fills_used <= 0;
            fills_retired <= 0;
            accumulations_opened <= 0;
            jobs_opened <= 0;
            passes_done <= 0;
        end else if (active) begin
            busy <= working;
            steps <= steps_now + 16'd1;
            fills_used <= fill_now;
            accumulations_opened <= accumulation_now;
            if (!working) begin
                passes_done <= passes_done + 1;
                if (retires_fill) fills_retired <= fills_retired + 1;
                if (drains) jobs_opened <= jobs_opened + 1;
            end
        end
endmodule
