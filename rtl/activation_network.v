// The activation network: finds each row's next non-zero (channel, tap) pair and sends WORDS of them a clock.
//
// SKIPPING 0 (none, gate) and 1 (per_position): every row takes its own pairs, at most one a clock; where the network
// is narrower than the rows, the rows with most words left go first, which is what ends all of them soonest.
// SKIPPING 2 (lockstep): all rows share one stream of taps, and go on when every row has the word of the current one.
module activation_network #(
    parameter ROWS = 4,
    parameter BANK_WORDS = 9,
    parameter WORDS = 4,
    parameter SKIPPING = 1
) (
    input  wire                       clock,
    input  wire                       reset,
    input  wire                       load,    // the first clock of a pass: take the mask
    input  wire [ROWS*BANK_WORDS-1:0] mask,
    input  wire                       active,
    output wire                       pending, // there is a word to send in this clock
    output reg  [ROWS-1:0]            sent,
    output reg  [ROWS*16-1:0]         taps
);
    // The highest power of two that is no more than the words of a bank.
    function integer power(input integer most);
        begin
            power = 1;
            while (power * 2 <= most) power = power * 2;
        end
    endfunction
    localparam HIGHEST = power(BANK_WORDS);

    reg [ROWS*BANK_WORDS-1:0] left;
    reg [ROWS*16-1:0] counts;
    wire [ROWS*BANK_WORDS-1:0] left_now = load ? mask : left;
    assign pending = |left_now;

    function [15:0] ones(input [BANK_WORDS-1:0] bits);
        integer i;
        begin
            ones = 0;
            for (i = 0; i < BANK_WORDS; i = i + 1) ones = ones + {15'd0, bits[i]};
        end
    endfunction

    // The lowest set bit, by halves: where the lower half of what is left is empty, it lies in the upper one.
    function [15:0] first(input [BANK_WORDS-1:0] bits);
        reg [BANK_WORDS-1:0] rest;
        integer half;
        begin
            first = 0;
            rest = bits;
            for (half = HIGHEST; half > 0; half = half / 2)
                if ((rest & ~({BANK_WORDS{1'b1}} << half)) == 0) begin
                    rest = rest >> half;
                    first = first + half;
                end
        end
    endfunction

    // How many words each row has left; a row's count is taken when its mask is, and then counted down.
    reg [ROWS*16-1:0] counts_now;
    integer row;
    always @* begin
        counts_now = counts;
        // The loop runs in any case: a loop's variable that is set in some clocks only would be a latch.
        for (row = 0; row < ROWS; row = row + 1)
            if (load) counts_now[row*16 +: 16] = ones(mask[row*BANK_WORDS +: BANK_WORDS]);
    end

    reg [BANK_WORDS-1:0] wanted;
    reg [15:0] shared, granted, least, reaching;
    integer r, step;
    always @* begin
        sent = 0;
        taps = 0;
        wanted = 0;
        shared = 0;
        granted = 0;
        least = 0;
        reaching = 0;
        if (SKIPPING == 2) begin
            for (r = 0; r < ROWS; r = r + 1) wanted = wanted | left_now[r*BANK_WORDS +: BANK_WORDS];
            shared = first(wanted);
            for (r = 0; r < ROWS; r = r + 1) begin
                taps[r*16 +: 16] = shared;
                if (left_now[r*BANK_WORDS + shared] && granted < WORDS) begin
                    sent[r] = 1;
                    granted = granted + 16'd1;
                end
            end
        end else begin
            // The largest count that WORDS rows or more reach: whoever has more is served, and of those who have as
            // many, the first.
            if (WORDS < ROWS)
                for (step = HIGHEST; step > 0; step = step / 2) begin
                    reaching = 0;
                    for (r = 0; r < ROWS; r = r + 1)
                        if (counts_now[r*16 +: 16] >= least + step) reaching = reaching + 16'd1;
                    if (reaching >= WORDS) least = least + step;
                end
            for (r = 0; r < ROWS; r = r + 1) begin
                taps[r*16 +: 16] = first(left_now[r*BANK_WORDS +: BANK_WORDS]);
                sent[r] = counts_now[r*16 +: 16] > least;
                if (sent[r]) granted = granted + 16'd1;
            end
            for (r = 0; r < ROWS; r = r + 1)
                if (least != 0 && counts_now[r*16 +: 16] == least && granted < WORDS) begin
                    sent[r] = 1;
                    granted = granted + 16'd1;
                end
        end
    end

    integer i;
    always @(posedge clock)
        if (reset) begin
            left <= 0;
            counts <= 0;
        end else if (active) begin
            left <= left_now;
            counts <= counts_now;
            for (i = 0; i < ROWS; i = i + 1)
                if (sent[i]) begin
                    left[i*BANK_WORDS + taps[i*16 +: 16]] <= 1'b0;
                    counts[i*16 +: 16] <= counts_now[i*16 +: 16] - 16'd1;
                end
        end
endmodule
